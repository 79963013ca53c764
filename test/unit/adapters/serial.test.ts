import { expect, test } from 'vitest';
import { createSerial } from '../../../src/adapters/serial.js';

const never = new AbortController().signal;

test('one key: one after another, also after a failure; two keys: side by side', async () => {
  const serial = createSerial();
  const events: string[] = [];
  let goOn = (): void => undefined;
  const first = serial('a', never, async () => {
    events.push('first starts');
    await new Promise<void>((resolve) => (goOn = resolve));
    throw new Error('it failed');
  });
  const second = serial('a', never, async () => void events.push('second'));
  await serial('b', never, async () => void events.push('other'));
  expect(events).toEqual(['first starts', 'other']);
  goOn();
  await expect(first).rejects.toThrow('it failed');
  await second;
  expect(events).toEqual(['first starts', 'other', 'second']);
});

test('who gives up waiting is gone at once, is never started, and holds up nobody', async () => {
  const serial = createSerial();
  const events: string[] = [];
  const abort = new AbortController();
  let goOn = (): void => undefined;
  const first = serial('a', never, () => new Promise<void>((resolve) => (goOn = resolve)));
  const second = serial('a', abort.signal, async () => void events.push('second'));
  const third = serial('a', never, async () => void events.push('third'));
  abort.abort(new Error('cancelled'));
  await expect(second).rejects.toThrow('cancelled');
  expect(events).toEqual([]);
  goOn();
  await Promise.all([first, third]);
  expect(events).toEqual(['third']);
});
