import type { Failure } from '../../src/model/errors.js';
import { formatReference } from '../../src/model/reference.js';
import type { SourceRevision } from '../../src/model/source.js';
import { memoryTree } from '../../src/plan/trees.js';
import type {
  Artefacts,
  Caches,
  Clock,
  ContainerExit,
  Containers,
  Contexts,
  ContainerSpec,
  Engine,
  FetchedSource,
  Notification,
  Notifier,
  Source,
  Spools,
  Storage,
  StepIO,
  Workspaces,
} from '../../src/ports.js';
import type { NotifyChannel } from '../../src/model/project.js';

/** An engine in memory, with knobs for what goes wrong. `names` is what it holds. */
export type FakeEngine = Engine & {
  names: Map<string, string>;
  registry: Map<string, string>;
  running: number;
};

export type EngineKnobs = {
  /** Fails this build. */
  build?: Failure;
  /** Never ends by itself. */
  hangs?: boolean;
  /** Failures of the pushes to come, by reference, in order. */
  push?: Record<string, Failure[]>;
  log?: string[];
};

export function fakeEngine(knobs: EngineKnobs = {}): FakeEngine {
  const names = new Map<string, string>();
  const registry = new Map<string, string>();
  const engine: FakeEngine = {
    names,
    registry,
    running: 0,
    describe: () => Promise.resolve({ name: 'docker', version: '0', buildkit: true }),
    async build(spec, io) {
      engine.running++;
      try {
        for (const text of knobs.log ?? []) await io.emit({ type: 'log', stream: 'stdout', text });
        if (knobs.hangs) await untilAborted(io);
        if (knobs.build) throw knobs.build;
        names.set(spec.tag, 'sha256:1');
        return { id: 'sha256:1', size: 42, platform: 'linux/amd64', cached: false };
      } finally {
        engine.running--;
      }
    },
    push(source, target) {
      const failure = knobs.push?.[formatReference(target)]?.shift();
      if (failure) return Promise.reject(failure);
      const isThere = names.has(source) || [...names.values()].includes(source);
      if (!isThere) return Promise.reject(new Error(`no image ${source}`));
      registry.set(formatReference(target), 'sha256:d');
      return Promise.resolve({ digest: 'sha256:d' });
    },
    tag(source, target) {
      names.set(formatReference(target), names.get(source)!);
      return Promise.resolve();
    },
    untag(name) {
      names.delete(name);
      return Promise.resolve();
    },
  };
  return engine;
}

export const revision: SourceRevision = {
  id: 'a'.repeat(40),
  ref: 'main',
  refKind: 'branch',
  committedAt: new Date('2026-01-02T03:04:05Z'),
  author: 'Ada <ada@example.invalid>',
  message: 'First\n\nBody',
};

/** A source of the given files. `disposed` counts what has been given back. */
export function fakeSource(files: Record<string, string>, failure?: Failure): Source & { open: number } {
  const source = {
    open: 0,
    fetch(): Promise<FetchedSource> {
      if (failure) return Promise.reject(failure);
      source.open++;
      const list = Object.entries(files).map(([path, text]) => ({
        path,
        mode: 0o644,
        content: Buffer.from(text),
        mtime: 1,
      }));
      return Promise.resolve({
        revision,
        tree: memoryTree(list),
        [Symbol.asyncDispose]: () => {
          source.open--;
          return Promise.resolve();
        },
      });
    },
  };
  return source;
}

/** Takes every context to its end and gives the same files for each. */
export function fakeContexts(files: Record<string, string>): Contexts & { received: string[] } {
  const received: string[] = [];
  return {
    received,
    async receive(stream) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      received.push(Buffer.concat(chunks).toString());
      const list = Object.entries(files).map(([path, text]) => ({
        path,
        mode: 0o644,
        content: Buffer.from(text),
        mtime: 1,
      }));
      const id = 'c'.repeat(64);
      return {
        revision: { id, committedAt: new Date(1000), author: '', message: '' },
        tree: memoryTree(list),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
  };
}

export function fakeWorkspaces(): Workspaces & { open: number } {
  const workspaces = {
    open: 0,
    create() {
      workspaces.open++;
      const dispose = () => {
        workspaces.open--;
        return Promise.resolve();
      };
      return Promise.resolve({ directory: '/nowhere', scratch: '/nowhere', [Symbol.asyncDispose]: dispose });
    },
    sweep: () => Promise.resolve(),
  };
  return workspaces;
}

/** A clock that waits for nothing, and remembers how long it was asked to. */
export function fakeClock(): Clock & { waited: number[] } {
  const waited: number[] = [];
  let now = Date.UTC(2026, 0, 1);
  return {
    waited,
    now: () => new Date((now += 10)),
    elapsed: () => (now += 10),
    wait(ms) {
      waited.push(ms);
      return Promise.resolve();
    },
  };
}

function untilAborted({ signal }: StepIO): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new Error('the engine says something odd about an aborted connection'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** Containers in memory. `exits` says how a command ends (default: well); `specs` is what was asked for, `open` what is not removed. */
export type FakeContainers = Containers & { specs: ContainerSpec[]; open: number; saved: string[] };

export function fakeContainers(
  exits: (spec: ContainerSpec) => ContainerExit = () => ({ exitCode: 0 }),
): FakeContainers {
  const containers: FakeContainers = {
    specs: [],
    open: 0,
    saved: [],
    create(spec) {
      containers.specs.push(spec);
      containers.open++;
      return Promise.resolve({
        put: () => Promise.resolve(),
        async run(io) {
          await io.emit({ type: 'log', stream: 'stdout', text: `ran in ${spec.image}\n` });
          return exits(spec);
        },
        /** A shell that says what it hears. */
        async interact(session) {
          for await (const typed of session.input) {
            await session.write(typed);
            if (Buffer.from(typed).includes('exit')) return;
          }
        },
        save: (image) => Promise.resolve(void containers.saved.push(image)),
        async *read() {
          const content = Buffer.from('made');
          yield {
            entry: { type: 'file', path: 'made', mode: 0o644, size: 4, id: 'x', mtime: 1 } as const,
            chunks: [content] as never,
          };
        },
        [Symbol.asyncDispose]: () => {
          containers.open--;
          return Promise.resolve();
        },
      });
    },
  };
  return containers;
}

export function fakeSpools(): Spools {
  return {
    async spool(entries) {
      const files = [];
      for await (const { entry } of entries) {
        files.push({ path: entry.path, mode: 0o644, content: Buffer.from('made'), mtime: 1 });
      }
      return { ...memoryTree(files), [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  };
}

/** Remembers what it was asked for. */
export function fakeStorage(): Storage & { rooms: number; collections: number } {
  const storage = {
    rooms: 0,
    collections: 0,
    makeRoom: () => Promise.resolve(void storage.rooms++),
    collect: () => void storage.collections++,
  };
  return storage;
}

export function fakeCaches(): Caches & { held: number } {
  const caches = {
    held: 0,
    acquire(_repository: string, path: string) {
      caches.held++;
      const release = () => {
        caches.held--;
        return Promise.resolve();
      };
      return Promise.resolve({ volume: `cache-${path}`, [Symbol.asyncDispose]: release });
    },
  };
  return caches;
}

export function fakeArtefacts(failure?: Failure): Artefacts & { uploads: string[] } {
  const uploads: string[] = [];
  return {
    uploads,
    async upload({ bucket, prefix }, files) {
      if (failure) throw failure;
      let count = 0;
      for await (const file of files) count += file.entry.type === 'file' ? 1 : 0;
      uploads.push(`${bucket}/${prefix}`);
      return { url: `s3://${bucket}/${prefix}/`, files: count, bytes: 4 };
    },
  };
}

export function fakeNotifier(
  failing: readonly NotifyChannel[] = [],
): Notifier & { told: [NotifyChannel, Notification][] } {
  const told: [NotifyChannel, Notification][] = [];
  return {
    told,
    notify(channel, notification) {
      if (failing.includes(channel)) return Promise.reject(new Error(`${channel}: 503`));
      told.push([channel, notification]);
      return Promise.resolve();
    },
  };
}
