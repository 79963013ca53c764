import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { quote, run } from '../command.js';
import type { World } from '../world.js';
import type { Job } from './way.js';

/** Where a way's source lies. */
export const checkoutOf = (world: World, { repository }: Job) =>
  join(world.directory, 'checkouts', repository.name);

/** A fresh checkout: every file is as new as if it had been cloned now. */
export async function checkOut(world: World, job: Job): Promise<void> {
  const directory = checkoutOf(world, job);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await extract(job, directory, []);
}

/** A checkout that stays between builds: only what the commit changes is written. */
export async function checkOutChange(world: World, job: Job): Promise<void> {
  const { repository, revision, fixture } = job;
  if (revision === repository.revisions[0]) return checkOut(world, job);
  await extract(job, checkoutOf(world, job), [fixture.seed]);
}

// -m: git archive would give all files the time of the commit, which no checkout has.
async function extract(
  { repository, revision }: Job,
  directory: string,
  paths: readonly string[],
): Promise<void> {
  const archive = ['git', '--git-dir', repository.directory, 'archive', revision, ...paths];
  await run('sh', ['-c', `${archive.map(quote).join(' ')} | tar -x -m -C ${quote(directory)}`]);
}
