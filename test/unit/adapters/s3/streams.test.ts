import { expect, test } from 'vitest';
import { createJournal } from '../../../../src/adapters/s3/journal.js';
import { untilAborted } from '../../../../src/adapters/s3/until-aborted.js';
import type { StepEvent } from '../../../../src/model/events.js';

test('a silent source is left at once', async () => {
  const stop = new AbortController();
  const silent: AsyncIterator<number> = {
    next: () => {
      queueMicrotask(() => stop.abort(new Error('stop')));
      return new Promise(() => {});
    },
    return: () => new Promise(() => {}),
  };
  const items = untilAborted({ [Symbol.asyncIterator]: () => silent }, stop.signal);
  await expect(items.next()).rejects.toThrow('stop');
});

test('a source that is left early is told so', async () => {
  let returned = false;
  async function* source() {
    try {
      yield 1;
      yield 2;
    } finally {
      returned = true;
    }
  }
  for await (const item of untilAborted(source(), new AbortController().signal)) if (item === 1) break;
  expect(returned).toBe(true);
});

test("a source's own error comes through", async () => {
  async function* source() {
    yield 1;
    throw new Error('broken');
  }
  const items = untilAborted(source(), new AbortController().signal);
  await items.next();
  await expect(items.next()).rejects.toThrow('broken');
});

test('many lines are few events, and none is lost', async () => {
  const events: StepEvent[] = [];
  let now = 1000;
  const journal = createJournal(
    (event) => void events.push(event),
    () => now,
  );
  await journal.add('first');
  for (let n = 0; n < 100; n++) await journal.add(`line ${n}`);
  expect(events).toEqual([{ type: 'log', stream: 'stdout', text: 'first\n' }]);
  now += 200;
  await journal.add('late');
  await journal.add('last');
  await journal.flush();
  const text = events.map((event) => (event.type === 'log' ? event.text : '')).join('');
  expect(text.split('\n')).toEqual([
    'first',
    ...Array.from({ length: 100 }, (_, n) => `line ${n}`),
    'late',
    'last',
    '',
  ]);
  expect(events).toHaveLength(3);
});
