import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';
import type { RegistryCredential } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import type { StepEvent } from '../../../src/model/events.js';
import { Secret } from '../../../src/model/secret.js';
import type { ImageOptions, ImageSpec, StepIO } from '../../../src/ports.js';
import { memoryTree } from '../../fakes/trees.js';

/** An endpoint of the laboratory; a missing one fails the test. */
export function lab(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
}

export const baseImage = () => lab('LAB_BASE_IMAGE');
export const docker = new Docker();

export function uniqueTag(): string {
  return `buildbot-test:${randomUUID()}`;
}

export const defaultOptions: ImageOptions = {
  buildArgs: new Map(),
  labels: new Map(),
  noCache: false,
  pull: false,
  addHosts: [],
  ulimits: [],
  cacheFrom: [],
  inlineCache: false,
};

type SpecChange = Partial<Omit<ImageSpec, 'options' | 'context'>> & {
  dockerfile: string;
  options?: Partial<ImageOptions>;
  context?: Partial<ImageSpec['context']>;
};

export function imageSpec({ dockerfile, options, context, ...rest }: SpecChange): ImageSpec {
  return {
    tag: uniqueTag(),
    registries: new Map(),
    owner: 'SHA256:lab',
    secrets: new Map(),
    ...rest,
    options: { ...defaultOptions, ...options },
    context: {
      tree: memoryTree({}),
      dockerfile,
      dockerfileName: 'Dockerfile',
      sharedKey: randomUUID(),
      ...context,
    },
  };
}

export type Recorder = StepIO & {
  events: StepEvent[];
  stdout(): string;
  stderr(): string;
  warnings(): string[];
  /** Resolves with the time when stdout first matches. */
  seen(pattern: RegExp): Promise<number>;
  abort: AbortController;
};

export function recorder(): Recorder {
  const events: StepEvent[] = [];
  const abort = new AbortController();
  const waiting = new Set<() => void>();
  const text = (stream: 'stdout' | 'stderr') =>
    events.map((event) => (event.type === 'log' && event.stream === stream ? event.text : '')).join('');
  return {
    events,
    abort,
    signal: abort.signal,
    emit(event) {
      events.push(event);
      for (const check of waiting) check();
    },
    stdout: () => text('stdout'),
    stderr: () => text('stderr'),
    warnings: () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    seen: (pattern) =>
      new Promise((resolve) => {
        const check = () => {
          if (!pattern.test(text('stdout'))) return;
          waiting.delete(check);
          resolve(Date.now());
        };
        waiting.add(check);
        check();
      }),
  };
}

/** What the call fails with; fails itself where it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error: unknown = await call.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw error;
}

/** Runs a command in an image and gives its stdout. */
export async function outputOf(image: string, command: string[]): Promise<string> {
  const container = await docker.createContainer({ Image: image, Cmd: command, Tty: true });
  try {
    await container.start();
    await container.wait();
    return (await container.logs({ stdout: true, stderr: true })).toString().replaceAll('\r\n', '\n');
  } finally {
    await container.remove({ force: true });
  }
}

export function password(username: string, value: string): RegistryCredential {
  return { kind: 'password', username, password: new Secret(value) };
}
