import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lab } from '../../lab/environment.js';
import { peakMemory } from '../../scenarios/memory.js';
import { createRepository, credentials, type Repository } from '../../scenarios/repository.js';
import { outputOf, startRunner, type Runner } from '../../scenarios/runner.js';
import { answersOthers, FINE, knock, logged, MOST_MEMORY } from './abuse.js';

let runner: Runner;
let repository: Repository;
beforeAll(async () => {
  runner = await startRunner();
  // Long enough for the flood to come into it.
  repository = await createRepository({
    Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nARG ONCE\nRUN for i in 1 2 3 4 5 6; do echo "beat $i"; sleep 0.5; done\n`,
  });
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await repository[Symbol.asyncDispose]();
});

it('500 connections that never log in disturb neither a build nor a login from the same address', async () => {
  const command = `build --repo ${repository.url} --no-push --build-arg ONCE=${Date.now()} --credentials -`;
  const build = runner.open(command, { input: credentials() });
  const output = outputOf(build);
  let said = '';
  while (!/beat 1\b/.test(said)) said += String((await once(build.stdout, 'data'))[0]);
  const sockets = await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      knock(runner.port, index % 2 ? undefined : 'SSH-2.0-flood\r\n'),
    ),
  );
  expect(await answersOthers(runner)).toEqual(FINE);
  expect((await runner.ssh('status')).stdout).toMatch(/^1 of /);
  const { code, stdout } = await output;
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/beat 6\b/) as string });
  expect(await answersOthers(runner)).toEqual(FINE);
  expect(await peakMemory(runner.pid)).toBeLessThan(MOST_MEMORY);
  expect(logged(runner, 'login refused')).toEqual([
    expect.objectContaining({
      address: '127.0.0.1',
      reason: 'more than 100 connections without a login from this address',
    }),
  ]);
  for (const socket of sockets) socket.destroy();
});
