import { expect, test } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import { createFailures } from '../../../src/run/failures.js';
import { caller } from './world.js';

test('a caller sees the newest failure of its own, who may see every build that of all', () => {
  const failures = createFailures();
  const other = { ...caller, fingerprint: 'SHA256:other' };
  const add = (build: string, who: typeof caller, code: 'TEST_FAILED' | 'CANCELLED' = 'TEST_FAILED') =>
    failures.add(new Failure(code, `${build} failed`), { build, caller: who, time: new Date(0) });
  expect(failures.last()).toBeUndefined();
  add('mine', caller);
  add('theirs', other);
  add('ended', caller, 'CANCELLED');
  expect(failures.last(caller)).toEqual({
    ...{ time: '1970-01-01T00:00:00.000Z', code: 'TEST_FAILED', build: 'mine', message: 'mine failed' },
  });
  expect(failures.last(other)?.build).toBe('theirs');
  expect(failures.last()?.build).toBe('theirs');
  expect(failures.last({ ...caller, rights: { everyBuild: true } })?.build).toBe('theirs');
  for (let i = 0; i < 200; i++) add(String(i), other);
  expect(failures.last(caller)).toBeUndefined();
});
