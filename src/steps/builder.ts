import type { Tree } from '../model/tree.js';
import { type NamedText, readIgnore } from '../plan/facts.js';
import { ignoreFiles } from '../plan/trees.js';
import type { StepOf } from '../plan/step.js';
import { runAgent } from '../plan/run-agent.js';
import { secretValues } from '../plan/secret-values.js';
import { checkExit } from '../plan/check-exit.js';
import type {
  CacheVolume,
  Caches,
  Container,
  Containers,
  Engine,
  OnFailed,
  Spools,
  StepIO,
} from '../ports.js';
import type { Credentials } from '../model/credentials.js';

export type BuilderTools = {
  ports: { engine: Engine; containers: Containers; spools: Spools; caches: Caches };
  build: string;
  /** The engine's name for the builder image, where one is built. */
  tag: string;
  /** Names whose caches outlive the build: a caller's for one repository. */
  cachesOf: string;
  /** Names the place whose tree the context is. */
  sharedKey: string;
  credentials: Credentials;
  /** What the builder sees: the project's directory, with the files that the build adds. */
  context: Tree;
  dockerfile: NamedText | undefined;
  /** Directory on disk for what the builder leaves. */
  scratch: string;
  onFailed?: OnFailed | undefined;
};

/** Runs the builder and gives what it left at its extract path: a tree on disk. Nothing of it stays once that is disposed. */
export async function runBuilder(
  step: StepOf<'builder'>,
  tools: BuilderTools,
  io: StepIO,
): Promise<Tree & AsyncDisposable> {
  return 'options' in step ? buildAndExtract(step, { ...tools, io }) : runInContainer(step, { ...tools, io });
}

type Tools = BuilderTools & { io: StepIO };

async function runInContainer(
  { builder, environment, network, secrets: mounts }: Extract<StepOf<'builder'>, { environment: unknown }>,
  tools: Tools,
): Promise<Tree & AsyncDisposable> {
  const { ports, io, credentials } = tools;
  const { image, command, extract } = builder;
  const volumes: CacheVolume[] = [];
  let container: Container | undefined;
  const remove = async () => {
    await container?.[Symbol.asyncDispose]();
    for (const volume of volumes) await volume[Symbol.asyncDispose]();
  };
  try {
    const caches = new Map<string, string>();
    for (const path of builder.cache) {
      const cache = await ports.caches.acquire(tools.cachesOf, path, io);
      volumes.push(cache);
      caches.set(cache.volume, path);
    }
    const secrets = secretValues(mounts, credentials);
    const spec = {
      build: tools.build,
      image,
      command,
      workingDirectory: '/project',
      environment,
      secrets,
      caches,
      ...(network && { network }),
    };
    container = await ports.containers.create(spec, { registries: credentials.registries, ...io });
    await container.put(tools.context, '/project', io.signal);
    const exit = await container.run(io);
    if (exit.exitCode !== 0) await tools.onFailed?.(container, spec, io);
    checkExit('BUILDER_FAILED', `the builder (${image})`, exit);
    return removing(await ports.spools.spool(container.read(extract, io.signal), tools.scratch), remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Begins to `remove` at once, beside what is done with the tree, and has removed when that is disposed. */
function removing(tree: Tree & AsyncDisposable, remove: () => Promise<void>): Tree & AsyncDisposable {
  const removal = remove();
  removal.catch(() => undefined); // is thrown where it is waited for
  const dispose = async () => {
    try {
      await tree[Symbol.asyncDispose]();
    } finally {
      await removal;
    }
  };
  return { ...tree, [Symbol.asyncDispose]: dispose };
}

async function buildAndExtract(
  { builder, options, secrets: mounts }: Extract<StepOf<'builder'>, { options: unknown }>,
  tools: Tools,
): Promise<Tree & AsyncDisposable> {
  const { ports, io, credentials, tag, dockerfile } = tools;
  const context = {
    tree: ignoreFiles(tools.context, await readIgnore(tools.context, dockerfile!.name)),
    dockerfile: dockerfile!.text,
    dockerfileName: dockerfile!.name,
    sharedKey: tools.sharedKey,
  };
  const { registries, owner } = credentials;
  try {
    const secrets = secretValues(mounts, credentials);
    const agent = runAgent(options, credentials);
    await ports.engine.build({ tag, context, options, registries, owner, secrets, ...agent }, io);
    const none = new Map<string, never>();
    const spec = { build: tools.build, image: tag, environment: none, secrets: none, caches: none };
    await using container = await ports.containers.create(spec, { registries, ...io });
    return await ports.spools.spool(container.read(builder.extract, io.signal), tools.scratch);
  } finally {
    // Also where the build failed: the engine may have named it all the same.
    await ports.engine.untag(tag, io.signal).catch((error: unknown) => {
      const message = `could not remove ${tag}: ${error instanceof Error ? error.message : String(error)}`;
      return io.emit({ type: 'warning', message });
    });
  }
}
