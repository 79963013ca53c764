import { expect, test } from 'vitest';
import { classicLog } from '../../../../src/adapters/docker/classic-log.js';
import { pushLog } from '../../../../src/adapters/docker/push-log.js';

const id = 'a'.repeat(64);
const streams = (...lines: string[]) => lines.map((stream) => ({ stream }));

test('a RUN that failed: the exit code stands in the sentence alone', () => {
  const log = classicLog();
  log.read(streams('STEP 1/2: FROM base\n', 'STEP 2/2: RUN exit 7\n'));
  log.read([
    { errorDetail: { message: 'building at STEP "RUN exit 7": while running runtime: exit status 7\n' } },
  ]);
  expect(log.failure()).toMatchObject({ code: 'DOCKERFILE_FAILED', commandExitCode: 7 });
});

test('a base image that cannot be had, in a build of several stages', () => {
  const log = classicLog();
  log.read([
    ...streams('[2/2] STEP 1/3: FROM no/such AS a\n'),
    { errorDetail: { message: 'creating build container: initializing source docker://no/such:latest' } },
  ]);
  expect(log.failure()).toMatchObject({
    code: 'BASE_IMAGE_UNAVAILABLE',
    message: expect.stringContaining('no/such') as string,
  });
});

test('an instruction that there is not', () => {
  const log = classicLog();
  log.read([
    ...streams('STEP 1/2: FROM base\n', 'STEP 2/2: BOGUS x\n'),
    { errorDetail: { message: 'building at STEP "BOGUS ": Build error: Unknown instruction: "BOGUS"\n' } },
  ]);
  expect(log.failure()?.code).toBe('DOCKERFILE_INVALID');
});

test.each([
  ['all from the cache', [`--> Using cache ${id}\n`, `--> ${id.slice(0, 11)}\n`], true],
  ['a step that ran', ['hello\n', `--> ${id.slice(0, 11)}\n`], false],
])('%s', (_, lines, cached) => {
  const log = classicLog();
  log.read(streams('STEP 1/2: FROM base\n', 'STEP 2/2: RUN echo hello\n', ...lines));
  expect(log.cached()).toBe(cached);
});

test('the digest of a push stands in its last status', () => {
  const log = pushLog('r/t/x:1');
  log.read({ status: 'The push refers to repository [r/t/x:1]' });
  log.read({ status: `1: digest: sha256:${id} size: 891` });
  expect(log.digest()).toBe(`sha256:${id}`);
});
