import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lastBytes, quote, time } from '../command.js';
import type { World } from '../world.js';
import { checkoutOf } from './checkout.js';
import { urlWithToken } from './docker.js';
import { buildScript, pushedDigest } from './script.js';
import type { Way } from './way.js';

/** `ssh host 'git clone … && docker build … && docker push …'`, with the classic builder. */
export const people = (world: World, address: string): Way => ({
  name: 'people',
  prepare: (job) => rm(checkoutOf(world, job), { recursive: true, force: true }),
  async build(job) {
    const directory = quote(checkoutOf(world, job));
    const clone = `git clone --quiet ${quote(urlWithToken(world, job))} ${directory}`;
    const checkout = `cd ${directory} && git checkout --quiet ${job.revision}`;
    const script = `${clone} && ${checkout} && export DOCKER_BUILDKIT=0 && ${buildScript(world, job)}`;
    const output = join(world.directory, 'output');
    const seconds = await time('ssh', [`ssh://${address}`, script], {
      environment: world.environment,
      output,
    });
    return { seconds, digest: pushedDigest(await lastBytes(output)), output };
  },
});
