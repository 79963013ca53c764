import { afterAll, beforeAll, expect, test } from 'vitest';
import { resultSchema } from '../../../src/model/result.js';
import { lab } from '../../lab/environment.js';
import { leftovers } from '../../scenarios/engine.js';
import { createRepository, credentials } from '../../scenarios/repository.js';
import { startRunner, type Runner } from '../../scenarios/runner.js';

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner();
});
afterAll(() => runner[Symbol.asyncDispose]());

test.each([
  ['a build secret', '--secret id=TOKEN', /build secrets: only with BuildKit/],
  ['an inline cache', '--cache-to type=inline', /an inline cache: only with BuildKit/],
  ['a network of its own', '--network none', /--network 'none' is not for Podman/],
])('%s is refused in one line, and nothing is left', async (_, flag, line) => {
  await using repository = await createRepository({
    Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nRUN true\n`,
  });
  const { code, stdout, stderr } = await runner.ssh(
    `build --repo ${repository.url} --no-push --output result --credentials - ${flag}`,
    { input: credentials('secrets: { TOKEN: "a-secret-value" }\n') },
  );
  expect([code, resultSchema.parse(JSON.parse(stdout)).failure?.code]).toEqual([2, 'NOT_SUPPORTED']);
  expect(stderr.match(/^(?:error|buildbot): .*$/gm)).toEqual([expect.stringMatching(line) as string]);
  expect(await leftovers(runner)).toEqual([]);
});
