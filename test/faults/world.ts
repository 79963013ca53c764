import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { resultSchema, statusOf, type BuildResult } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { createRepository, credentials, type Files, type Repository } from '../scenarios/repository.js';
import { startRunner, type Output, type Runner, type SshOptions } from '../scenarios/runner.js';
import { anonymousVolumes, remains, type Traces } from './remains.js';

/** A runner with a data directory of its own, and a repository to build: what a fault is put into. */
export interface World extends AsyncDisposable {
  /** The one that runs now. */
  readonly runner: Runner;
  repository: Repository;
  data: string;
  /** Name of an image in the lab's registry, for this world alone. */
  image: string;
  /** `--image` for a registry at another address (a proxy), for this world alone. */
  imageAt(registry: string): string;
  /** Begins `build --repo … --output result --credentials - FLAGS`; a `--repo` among the flags replaces this world's. */
  build(flags: string, options?: BuildOptions): Building;
  /** Another runner on the same data directory, when the last one has ended. */
  restart(environment?: Record<string, string>): Promise<Runner>;
  /** That nothing is left, and that the next build works and leaves nothing either. */
  expectSound(): Promise<void>;
  /** What is left now, a line for each thing. */
  remains(): Promise<string[]>;
}

export type BuildOptions = SshOptions & {
  /** Lines for the end of the credentials document. */
  credentials?: string;
  /** Another credentials document. */
  document?: string;
};

/** A build on its way, seen by a real `ssh`. */
export type Building = {
  child: ReturnType<Runner['open']>;
  /** What came on stderr so far: the log. */
  log(): string;
  /** Resolves when the log says it; rejects when the build has ended without. */
  says(pattern: RegExp): Promise<void>;
  /** What the deploy script has in the end. `code` is NaN for a client that was killed. */
  ended: Promise<Output>;
};

/** How a build that met a fault has to end. */
export type Verdict = {
  code: number;
  failure: { code: string; step?: string };
  /** What the one line says. */
  line?: RegExp;
};

export const base = () => lab('LAB_BASE_IMAGE');

/** Says that it is there, then lasts until it is ended: in a builder, a RUN or a test. */
export const LASTS = 'echo it is $((40 + 2)) now; exec sleep 1000';
export const LASTING = /it is 42 now/;

/** A Dockerfile with something to do, and one that lasts. */
const FILES = (): Files => ({
  Dockerfile: `FROM ${base()}\nARG MARK\nRUN echo "$MARK" > /mark\n`,
  'lasting.Dockerfile': `FROM ${base()}\nARG MARK\nRUN : "$MARK"; ${LASTS}\n`,
});

export async function createWorld(
  environment: Record<string, string> = {},
  files: Files = {},
): Promise<World> {
  const data = await mkdtemp(join(tmpdir(), 'buildbot-fault-'));
  const repository = await createRepository({ ...FILES(), ...files });
  const mark = `fault-${randomUUID()}`;
  const runners: Runner[] = [];
  const traces = { data, mark, volumes: new Set(await anonymousVolumes()), secrets: await secrets() };
  const names = new Set<string>();
  const start = async (more: Record<string, string> = {}) => {
    runners.push(await startRunner({ ...environment, ...more, BUILDBOT_DATA_DIR: data }));
    for (const name of await readdir(join(data, 'runners'))) names.add(name);
    return runners.at(-1)!;
  };
  await start();
  const left = () =>
    remains({ ...traces, names: [...names], pids: runners.map(({ pid }) => pid) } satisfies Traces);
  const world: World = {
    get runner() {
      return runners.at(-1)!;
    },
    repository,
    data,
    imageAt: (registry) => `${registry}/${mark}`,
    image: `${lab('LAB_REGISTRY')}/${mark}`,
    build: (flags, options) => startBuild(world, flags, options),
    restart: start,
    remains: left,
    async expectSound() {
      await expectNothing(left);
      const output = await world.build(`--image ${world.image} -t next --build-arg MARK=${randomUUID()}`)
        .ended;
      expect(output).toMatchObject({ code: 0 });
      expect(resultOf(output)).toMatchObject({ status: 'succeeded', exitCode: 0 });
      await expectNothing(left);
    },
    async [Symbol.asyncDispose]() {
      for (const runner of runners) await runner[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
      await rm(data, { recursive: true, force: true });
    },
  };
  return world;
}

// A build whose client is gone goes after it; the engine and the runner may take their time for that.
async function expectNothing(left: () => Promise<string[]>): Promise<void> {
  await vi.waitFor(async () => expect(await left()).toEqual([]), { timeout: 45_000, interval: 100 });
}

function startBuild(
  { runner, repository }: World,
  flags: string,
  { credentials: more = '', document = credentials(more), ...options }: BuildOptions = {},
): Building {
  const repo = flags.includes('--repo ') ? '' : `--repo ${repository.url}`;
  const child = runner.open(`build ${repo} --output result --credentials - ${flags}`, {
    input: document,
    ...options,
  });
  const seen = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (seen[name] += text));
  const ended = once(child, 'close').then(([code]) => ({ code: (code as number | null) ?? NaN, ...seen }));
  return {
    child,
    log: () => seen.stderr,
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(seen.stderr)) resolve();
        };
        child.stderr.on('data', look);
        look();
        void ended.then((output) => {
          if (!pattern.test(output.stderr))
            reject(new Error(`the build ended and never said ${pattern}: ${JSON.stringify(output)}`));
        });
      }),
  };
}

/** The one object on stdout. */
export function resultOf({ stdout }: Output): BuildResult {
  return resultSchema.parse(JSON.parse(stdout));
}

/** Exit code, result object and the one line on stderr, all of them saying the same. */
export function expectVerdict(output: Output, { code, failure, line = /./ }: Verdict): BuildResult {
  const errors = output.stderr.split('\n').filter((text) => /^(?:error|buildbot): /.test(text));
  expect(errors, output.stderr).toEqual([expect.stringMatching(line) as string]);
  const result = resultOf(output);
  expect(errors[0]).toContain(`(${result.failure?.code})`);
  expect(result).toMatchObject({ status: statusOf(code), exitCode: code, failure });
  expect(output.code).toBe(code);
  return result;
}

/** What the credentials document of each build has in it, as it would lie in a file. */
async function secrets(): Promise<string[]> {
  const key = await readFile(lab('LAB_GIT_KEY'), 'utf8');
  return [key.split('\n')[2]!, lab('LAB_AUTH_PASSWORD'), lab('LAB_GIT_HTTP_TOKEN')];
}
