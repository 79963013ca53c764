import { expect, it } from 'vitest';
import { watchPulse } from '../../../../src/adapters/docker/pulse.js';

const times = { silence: 1, answer: 20, pause: 1 };
const never = new AbortController().signal;

/** An engine on whose connection `bytes` have come when it is asked, and that answers or not. */
function engine({ answers = false, moves = false } = {}) {
  const ends: AbortController = new AbortController();
  const seen = { asked: 0, bytes: 0 };
  const pulse = {
    bytes: () => (moves ? ++seen.bytes : 7),
    ask(deadline: AbortSignal) {
      if (++seen.asked >= 3 && answers) ends.abort();
      if (answers) return Promise.resolve();
      return new Promise<void>((_, reject) =>
        deadline.addEventListener('abort', () => reject(new Error('silent'))),
      );
    },
  };
  return { pulse, seen, ends };
}

it('an engine that is silent and answers others is there, however long', async () => {
  const { pulse, seen, ends } = engine({ answers: true });
  expect(await watchPulse(pulse, ends.signal, times)).toBe(false);
  expect(seen.asked).toBe(3);
});

it('an engine that is silent and answers nobody is lost', async () => {
  const { pulse, seen } = engine();
  expect(await watchPulse(pulse, never, times)).toBe(true);
  expect(seen.asked).toBe(1);
});

it('one that refuses is asked again until its time is over', async () => {
  const { pulse, seen } = engine();
  const refusing = { ...pulse, ask: () => (seen.asked++, Promise.reject(new Error('refused'))) };
  expect(await watchPulse(refusing, never, { ...times, answer: 50 })).toBe(true);
  expect(seen.asked).toBeGreaterThan(1);
});

it('one that has no bytes to count is asked all the same', async () => {
  const { pulse } = engine();
  expect(await watchPulse({ ...pulse, bytes: () => undefined }, never, times)).toBe(true);
});

it('one whose connection moves is not asked, whether it answers or not', async () => {
  const { pulse, seen, ends } = engine({ moves: true });
  const watching = watchPulse(
    { ...pulse, bytes: () => (seen.bytes > 5 && ends.abort(), pulse.bytes()) },
    ends.signal,
    times,
  );
  expect(await watching).toBe(false);
  expect(seen.asked).toBe(0);
});
