import { expect, test } from 'vitest';
import { createNameLock } from '../../../../src/adapters/docker/name-lock.js';

test('one name: one after the other, also after a failure; other names side by side', async () => {
  const withName = createNameLock();
  const log: string[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const first = withName('a', async () => {
    log.push('first begins');
    await gate;
    log.push('first fails');
    throw new Error('first');
  });
  const second = withName('a', async () => log.push('second'));
  await withName('b', async () => log.push('other'));
  open();
  await expect(first).rejects.toThrow('first');
  await second;
  expect(log).toEqual(['first begins', 'other', 'first fails', 'second']);
});
