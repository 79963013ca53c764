import { expect, it } from 'vitest';
import { asFailure, Failure } from '../../../src/model/errors.js';

function ending(failure: Error): AsyncDisposable {
  const dispose = async () => {
    throw failure;
  };
  return { [Symbol.asyncDispose]: dispose };
}

async function failing(work: () => void): Promise<Failure> {
  try {
    await using _outer = ending(new Error('outer end'));
    await using _inner = ending(new Error('inner end'));
    work();
  } catch (error) {
    return asFailure(error);
  }
  throw new Error('nothing was thrown');
}

it('what failed is told, and not what went wrong in cleaning up after it', async () => {
  const test = new Failure('TEST_FAILED', 'the test failed', { commandExitCode: 3 });
  expect(
    await failing(() => {
      throw test;
    }),
  ).toBe(test);
  expect(await failing(() => undefined)).toMatchObject({
    code: 'INTERNAL',
    message: 'internal error: inner end',
  });
});

it.each(['ENOSPC', 'EDQUOT'])("%s is nobody's bug", (code) => {
  const error = Object.assign(new Error(`${code}: no room, write`), { code });
  expect(asFailure(error)).toMatchObject({
    code: 'DISK_FULL',
    exitCode: 69,
    message: `disk full: ${code}: no room, write`,
  });
});

it.each(['EROFS', 'EMFILE'])('%s is neither a bug nor the fault of a build', (code) => {
  const error = Object.assign(new Error(`${code}: open`), { code });
  expect(asFailure(error)).toMatchObject({ code: 'RUNNER_FAILED', exitCode: 69 });
});

it('words for another line keep all else', () => {
  const failure = new Failure('PUSH_FAILED', 'a', { transient: true, retryAfter: 3000, commandExitCode: 7 });
  expect(failure.mapText((text) => text.toUpperCase())).toMatchObject({
    message: 'A',
    transient: true,
    retryAfter: 3000,
    commandExitCode: 7,
  });
});
