import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lab } from '../../lab/environment.js';
import { namedAfter, podNames, saidByRun } from '../../scenarios/engine.js';
import { createRepository, credentials } from '../../scenarios/repository.js';
import { run } from '../../scenarios/run.js';
import { startRunner } from '../../scenarios/runner.js';

test('a runner that was killed in a RUN: the next one ends it, and removes its pod', async () => {
  const mark = `9${Math.floor(Math.random() * 1e8)}`;
  const sleeps = async () => (await run('ps', ['-eo', 'args'])).split('\n').includes(`sleep ${mark}`);
  await using repository = await createRepository({
    Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nRUN : ${randomUUID()}; echo begun; sleep ${mark}\n`,
  });
  await using first = await startRunner();
  const client = first.open(`build --repo ${repository.url} --no-push --credentials -`, {
    input: credentials(),
  });
  let seen = '';
  for await (const data of client.stdout) if (saidByRun('begun').test((seen += String(data)))) break;
  await first.stop('SIGKILL');
  const dead = await readdir(join(first.data, 'runners'));
  const podsOfDead = async () => (await podNames()).filter((name) => dead.some((id) => name.includes(id)));
  expect([(await podsOfDead()).length, await sleeps()]).toEqual([1, true]);
  await using _next = await startRunner({ BUILDBOT_DATA_DIR: first.data });
  expect([await podsOfDead(), await sleeps()]).toEqual([[], false]);
  expect(await namedAfter(dead)).toEqual([]);
});
