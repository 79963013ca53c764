import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { lab } from '../lab/environment.js';
import { docker, engineCan } from './engine.js';
import { createRepository, credentials, type Files } from './repository.js';
import { startRunner } from './runner.js';

const SECOND = 1_700_000_000;

afterEach(() => void vi.unstubAllEnvs());

it('misses no change of the same size in the same second, whatever cache is lost, and keeps the times of what has not changed', async () => {
  const started = new Date().toISOString();
  await using runner = await startRunner();
  await using repository = await createRepository();
  const test = 'cd /c && echo : $(cat a b) $(stat -c %Y a b) $(stat -c %a b)';
  const build = async (files: Files, second = SECOND) => {
    vi.stubEnv('GIT_COMMITTER_DATE', `${second} +0000`);
    const revision = await repository.commit(files);
    const flags = `--no-push --credentials - --test '${test}'`;
    const command = `build --repo ${repository.url} --revision ${revision} ${flags}`;
    const { stdout } = await runner.ssh(command, { input: credentials() });
    return /^: (.*)$/m.exec(stdout)?.[1]?.replaceAll(String(SECOND), 'T');
  };
  const dockerfile = `FROM ${lab('LAB_BASE_IMAGE')}\nCOPY . /c\n`;
  expect(await build({ Dockerfile: dockerfile, a: 'one ', b: 'one' })).toBe('one one T T 644');
  expect(await build({ a: 'two ' })).toBe('two one T T 644');
  await forgetInRunner(runner.data);
  expect(await build({ a: 'one ' })).toBe('one one T T 644');
  await forgetInEngine(started);
  expect(await build({ a: 'six ' })).toBe('six one T T 644');
  const [later, last] = [SECOND + 50, SECOND + 90];
  expect(await build({ a: 'ten ' }, later)).toBe(`ten one ${later} T 644`);
  expect(await build({ a: 'six ', b: { text: 'one', mode: 0o755 } }, last)).toBe(`six one T ${last} 755`);
});

/** All that the runner knows of contexts. */
async function forgetInRunner(data: string): Promise<void> {
  const [mirror] = await readdir(join(data, 'git'));
  await rm(join(data, 'git', mirror!, 'dates'));
  await rm(join(data, 'context-secret'));
}

/** The contexts that the engine has kept since then; those that others have made meanwhile cost their owners time. */
async function forgetInEngine(since: string): Promise<void> {
  const { BuildCache } = (await docker.df()) as {
    BuildCache: { ID: string; Type: string; CreatedAt: string }[];
  };
  const contexts = (BuildCache ?? []).filter(
    ({ Type, CreatedAt }) => Type === 'source.local' && CreatedAt > since,
  );
  if (engineCan.mountAgents) expect(contexts).not.toEqual([]); // without sessions it keeps none
  for (const { ID } of contexts) await prune(ID);
}

// dockerode's own prune has no filters, and would take everybody's.
function prune(id: string): Promise<void> {
  const filters = JSON.stringify({ id: { [id]: true } });
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        path: '/build/prune?',
        method: 'POST',
        options: { all: true, filters },
        statusCodes: { 200: true, 500: 'the engine does not prune' },
      },
      (error: unknown) => (error ? reject(error) : resolve()),
    );
  });
}
