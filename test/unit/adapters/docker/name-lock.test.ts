import { expect, test } from 'vitest';
import { createNameLock, nameKey } from '../../../../src/adapters/docker/name-lock.js';

const { signal } = new AbortController();

/** A promise that is resolved from outside. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

test('one name: one after the other, also after a failure; other names side by side', async () => {
  const withName = createNameLock();
  const log: string[] = [];
  const { opened, open } = gate();
  const first = withName({ name: 'a', signal }, async () => {
    log.push('first begins');
    await opened;
    log.push('first fails');
    throw new Error('first');
  });
  const second = withName({ name: 'a', signal }, async () => log.push('second'));
  await withName({ name: 'b', signal }, async () => log.push('other'));
  open();
  await expect(first).rejects.toThrow('first');
  await second;
  expect(log).toEqual(['first begins', 'other', 'first fails', 'second']);
});

test('who is cancelled while he waits leaves at once, and those behind him keep their turns', async () => {
  const withName = createNameLock();
  const log: string[] = [];
  const { opened, open } = gate();
  const first = withName({ name: 'a', signal }, () => opened);
  const abort = new AbortController();
  const cancelled = withName({ name: 'a', signal: abort.signal }, async () => log.push('cancelled'));
  const third = withName({ name: 'a', signal }, async () => log.push('third'));
  abort.abort(new Error('enough'));
  await expect(cancelled).rejects.toThrow('enough');
  expect(log).toEqual([]);
  open();
  await Promise.all([first, third]);
  await withName({ name: 'a', signal }, async () => log.push('later'));
  expect(log).toEqual(['third', 'later']);
});

test('who is cancelled already does not start', async () => {
  const started = createNameLock()({ name: 'a', signal: AbortSignal.abort(new Error('early')) }, () =>
    Promise.reject(new Error('it started')),
  );
  await expect(started).rejects.toThrow('early');
});

test('runners that share locks take turns at a name', async () => {
  const key = nameKey('registry.example/team/app:1');
  expect(key).toMatch(/^name-[0-9a-f]{32}$/);
  const asked: string[] = [];
  const withName = createNameLock({
    alone(name, _signal, task) {
      asked.push(name);
      return task();
    },
  });
  await withName({ name: 'registry.example/team/app:1', signal }, async () => undefined);
  expect(asked).toEqual([key]);
});
