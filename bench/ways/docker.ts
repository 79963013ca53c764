import { join } from 'node:path';
import { lastBytes, time, type Environment } from '../command.js';
import type { World } from '../world.js';
import { checkOut, checkOutChange, checkoutOf } from './checkout.js';
import { buildScript, pushedDigest } from './script.js';
import type { Job, Taken, Way } from './way.js';

/** Docker's client with BuildKit where the fixture is not of the classic builder. */
const clientOf = ({ environment }: World, { fixture }: Job): Environment => ({
  ...environment,
  DOCKER_BUILDKIT: fixture.classic ? '0' : '1',
});

type Script = { text: string; directory: string; environment?: Environment };

async function shell(world: World, job: Job, script: Script): Promise<Taken> {
  const output = join(world.directory, 'output');
  const environment = { ...clientOf(world, job), ...script.environment };
  const { text, directory } = script;
  const seconds = await time('sh', ['-c', text], { environment, directory, output });
  return { seconds, digest: pushedDigest(await lastBytes(output)), output };
}

const inCheckout = (world: World, job: Job): Script => ({
  text: buildScript(world, job),
  directory: checkoutOf(world, job),
});

/** Seconds of asking the repository's server for its refs. */
async function ask(world: World, job: Job): Promise<number> {
  const output = join(world.directory, 'refs');
  return time('git', ['ls-remote', urlWithToken(world, job)], { environment: world.environment, output });
}

export const urlWithToken = ({ git }: World, { repository }: Job) =>
  repository.url.replace('://', `://${git.username}:${git.token}@`);

/** The engine's own time: build and push of a fresh checkout, at its socket. */
export const limit = (world: World): Way => ({
  name: 'limit',
  prepare: (job) => checkOut(world, job),
  build: async (job) => ({
    question: await ask(world, job),
    ...(await shell(world, job, inCheckout(world, job))),
  }),
});

/** The same with a checkout that stays, so that docker's client finds most files as it left them. */
export const kept = (world: World): Way => ({
  ...limit(world),
  name: 'kept',
  prepare: (job) => checkOutChange(world, job),
});

/** The caller's docker with the engine of another machine, `docker -H ssh://`, and a checkout that stays. */
export const remote = (world: World, address: string): Way => ({
  name: 'remote',
  prepare: (job) => checkOutChange(world, job),
  build: (job) =>
    shell(world, job, { ...inCheckout(world, job), environment: { DOCKER_HOST: `ssh://${address}` } }),
});

/** `docker build URL#COMMIT`: the engine clones, and keeps what it cloned. */
export const engine = (world: World): Way => ({
  name: 'engine',
  prepare: () => Promise.resolve(),
  build: (job) => {
    const text = buildScript(world, job, `${urlWithToken(world, job)}#${job.revision}`);
    return shell(world, job, { text, directory: world.directory });
  },
});
