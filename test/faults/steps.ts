import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lab } from '../lab/environment.js';
import { createRepository } from '../scenarios/repository.js';
import { run } from '../scenarios/run.js';
import { startProxy, type Proxy } from './proxy.js';
import { base, LASTING, LASTS, type BuildOptions, type Building, type World } from './world.js';

/** A build that is in a step and stays there until something ends it, or until `release`. */
export type Held = AsyncDisposable & { building: Building; release(): void };

type Hold = (world: World, flags: string, options: BuildOptions) => Promise<Held>;

/** Every step of a build: how to have one in it for as long as it takes. */
const holds = {
  /** Behind another build of this world, which has one place. */
  queue: async (world, flags, options) => {
    const first = await lastingImage(world, '', {});
    const building = world.build(`--no-push ${flags}`, options);
    await building.says(/waiting: 1 build ahead/);
    const release = () => void first.building.child.kill('SIGTERM');
    return {
      building,
      release,
      async [Symbol.asyncDispose]() {
        await leave(building);
        await first[Symbol.asyncDispose]();
      },
    };
  },
  /** The git server does not answer. */
  source: async (world, flags, options) => {
    const [, port] = /:(\d+)\//.exec(world.repository.url)!;
    const proxy = await startProxy(`127.0.0.1:${port}`, { frozen: true });
    const url = world.repository.url.replace(`:${port}/`, `:${proxy.port}/`);
    const building = world.build(`--no-push --repo ${url} --accept-new-host-key ${flags}`, options);
    return held(building, proxy);
  },
  /** git does not give a Dockerfile that nobody has asked for before: for a world whose PATH begins with `slowGit`. */
  plan: async (world, flags, options) => {
    await world.repository.commit({
      Dockerfile: `FROM ${base()}\nRUN echo ${crypto.randomUUID()} > /mark\n`,
    });
    const blob = await world.repository.git('rev-parse', 'HEAD:Dockerfile');
    const proxy = await startProxy(lab('LAB_REGISTRY'), { frozen: true });
    const file = join(world.repository.directory, '.git', 'held-blob');
    await writeFile(file, `${blob} ${proxy.port}`);
    try {
      return await held(world.build(`--no-push ${flags}`, options), proxy);
    } finally {
      await rm(file);
    }
  },
  builder: (world, flags, options) =>
    lasting(
      world.build(`--no-push --builder-image ${base()} --builder-command '${LASTS}' ${flags}`, options),
    ),
  image: lastingImage,
  test: (world, flags, options) => lasting(world.build(`--no-push --test '${LASTS}' ${flags}`, options)),
  /** The S3 server does not answer. */
  publish: async (world, flags, options) => {
    const proxy = await startProxy(new URL(lab('LAB_S3_ENDPOINT')).host, { frozen: true });
    const keys = `accessKeyId: "${lab('LAB_S3_ACCESS_KEY')}", secretAccessKey: "${lab('LAB_S3_SECRET_KEY')}"`;
    const s3 = `s3: { ${keys}, endpoint: "http://${proxy.address}" }\n`;
    const publish = `--publish s3://${lab('LAB_S3_BUCKET')}/${crypto.randomUUID()}=/mark`;
    return held(world.build(`--no-push ${publish} ${flags}`, { ...options, credentials: s3 }), proxy);
  },
  /** The registry does not answer. */
  push: async (world, flags, options) => {
    const proxy = await startProxy(lab('LAB_REGISTRY'), { frozen: true });
    return held(world.build(`--image ${world.imageAt(proxy.address)} -t held ${flags}`, options), proxy);
  },
  /** The webhook hears that the build has begun, and then does not answer. */
  notify: async (world, flags, options) => {
    const proxy = await startProxy(lab('LAB_REGISTRY'), { frozen: true, passing: 1 });
    const [host, path] = world.image.split('/');
    const repository = await createRepository({
      Dockerfile: `FROM ${base()}\n`,
      'build.yml': `app: { registry: "${host}", image: ${path}, notify: [webhook] }\n`,
    });
    const webhook = `notify: { webhook: { url: "http://${proxy.address}/", secret: hook-secret } }\n`;
    const building = world.build(`--repo ${repository.url} ${flags}`, {
      ...options,
      credentials: webhook,
    });
    const hold = await held(building, proxy);
    return {
      ...hold,
      async [Symbol.asyncDispose]() {
        await hold[Symbol.asyncDispose]();
        await repository[Symbol.asyncDispose]();
      },
    };
  },
} satisfies Record<string, Hold>;

export type HeldStep = keyof typeof holds;
export const heldSteps = Object.keys(holds) as HeldStep[];

/** A build of this world that has come to `step` and stays in it. Disposed, what holds it there lets go. */
export function holdIn(
  step: HeldStep,
  world: World,
  { flags = '', ...options }: BuildOptions & { flags?: string } = {},
) {
  return holds[step](world, flags, options);
}

function lastingImage(world: World, flags: string, options: BuildOptions): Promise<Held> {
  const mark = `--build-arg MARK=${crypto.randomUUID()}`;
  return lasting(world.build(`--no-push -f lasting.Dockerfile ${mark} ${flags}`, options));
}

async function lasting(building: Building): Promise<Held> {
  await building.says(LASTING);
  const release = () => void building.child.kill('SIGTERM');
  return { building, release, [Symbol.asyncDispose]: () => leave(building) };
}

async function held(building: Building, proxy: Proxy): Promise<Held> {
  const tooSoon = building.ended.then((output) => {
    throw new Error(`the build ended and was never held: ${JSON.stringify(output)}`);
  });
  await Promise.race([proxy.held(), tooSoon]);
  tooSoon.catch(() => undefined);
  return {
    building,
    release: () => proxy.thaw(),
    async [Symbol.asyncDispose]() {
      await leave(building);
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** Nothing may stand in the way of the next case, whatever came of this one. */
async function leave({ child, ended }: Building): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

/**
 * Puts a `git` into `directory` that works as git does, but keeps from who asks it for the blob that `file` names (`BLOB PORT`) what
 * comes from then on, and calls at PORT to say so. Ends with who asks.
 */
export async function slowGit(directory: string, file: string): Promise<void> {
  const git = (await run('sh', ['-c', 'command -v git'])).trim();
  const script = `#!/usr/bin/env node
const { spawn } = require('child_process');
const { readFileSync } = require('fs');
const { connect } = require('net');
const [, , ...words] = process.argv;
const holds = words.includes('--batch-command');
const child = spawn(${JSON.stringify(git)}, words, { stdio: [holds ? 'pipe' : 'inherit', 'inherit', 'inherit'] });
child.on('exit', (code, signal) => process.exit(code ?? 1));
if (holds) {
  let held = false;
  process.stdin.on('end', () => (held ? process.exit(1) : child.stdin.end())).on('data', (data) => {
    let blob, port;
    try { [blob, port] = readFileSync(${JSON.stringify(file)}, 'utf8').split(' '); } catch {}
    if (!held && blob !== undefined && String(data).includes('contents ' + blob)) {
      held = true;
      connect(Number(port), '127.0.0.1').on('error', () => {});
    }
    if (!held) child.stdin.write(data);
  });
}
`;
  await writeFile(join(directory, 'git'), script);
  await chmod(join(directory, 'git'), 0o755);
}
