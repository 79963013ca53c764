import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { BuildEvent } from '../../../src/model/events.js';
import { LAST_WORDS } from '../../../src/model/last-words.js';
import { createFeed } from '../../../src/run/feed.js';

const stamp = { time: '2026-01-01T00:00:00.000Z', build: 'b' };
const log = (text: string): BuildEvent => ({ type: 'log', ...stamp, step: 'image', stream: 'stdout', text });
const begun = (step: 'image' | 'push'): BuildEvent => ({ type: 'step.started', ...stamp, step });
const verdict: BuildEvent = {
  ...{ type: 'result', ...stamp, version: 1, id: 'b', status: 'succeeded', exitCode: 0 },
  ...{ images: [], published: [], steps: [], queuedAt: stamp.time, finishedAt: stamp.time },
};
const never = new AbortController().signal;

/** What a follower gets, in short. */
async function follow(feed: ReturnType<typeof createFeed>, signal = never) {
  const seen: string[] = [];
  const result = await feed.follow((event) => void seen.push(brief(event)), signal);
  return { seen, result };
}

function brief(event: BuildEvent): string {
  if (event.type === 'log') return event.text.trimEnd();
  return event.type === 'warning' ? event.message : event.type;
}

describe('who follows a build', () => {
  it('gets all from the start, then what comes, to the verdict', async () => {
    const feed = createFeed(() => undefined);
    void feed.emit(begun('image'));
    void feed.emit(log('one\n'));
    const following = follow(feed);
    void feed.emit(log('two\n'));
    await Promise.resolve();
    void feed.emit(verdict);
    const { seen, result } = await following;
    expect(seen).toEqual(['step.started', 'one', 'two', 'result']);
    expect(result).toBe(verdict);
    expect((await follow(feed)).seen).toEqual(seen);
  });

  it('and takes nothing is not waited for for ever once the build has ended', async () => {
    vi.useFakeTimers();
    try {
      const feed = createFeed(() => undefined);
      const stuck = () => new Promise<void>(() => undefined);
      const following = feed.follow(stuck, never);
      void feed.emit(log('one\n'));
      void feed.emit(verdict);
      const late = feed.follow(stuck, never);
      await vi.advanceTimersByTimeAsync(LAST_WORDS);
      expect(await Promise.all([following, late])).toEqual([verdict, verdict]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('hears how many lines are gone where there was no room for them, and loses no step', async () => {
    const feed = createFeed(() => undefined, 2_000);
    void feed.emit(begun('image'));
    for (let line = 1; line <= 100; line++) void feed.emit(log(`line ${line}\n`));
    void feed.emit(begun('push'));
    void feed.emit(verdict);
    const { seen } = await follow(feed);
    const [first, notice, ...rest] = seen;
    const kept = rest.filter((text) => text.startsWith('line '));
    expect([first, notice]).toEqual([
      'step.started',
      `${100 - kept.length} lines of the log are not kept any more`,
    ]);
    expect(kept.at(0)).toBe(`line ${101 - kept.length}`);
    expect(rest.slice(-3)).toEqual(['line 100', 'step.started', 'result']);
  });

  it('warnings without end are bounded like the log', async () => {
    const feed = createFeed(() => undefined, 10_000);
    for (let n = 0; n < 100; n++)
      void feed.emit({ type: 'warning', ...stamp, message: `${n} ${'x'.repeat(1_000)}` });
    void feed.emit(verdict);
    const { seen } = await follow(feed);
    expect(seen.length).toBeLessThan(12);
    expect(seen.at(-2)).toMatch(/^99 x/);
  });

  it('is left behind where it reads slowly, and holds nobody back', async () => {
    const feed = createFeed(() => undefined, 1_000);
    const seen: string[] = [];
    let take: () => void = () => undefined;
    const following = feed.follow((event) => {
      seen.push(brief(event));
      return seen.length === 1 ? new Promise((resolve) => (take = resolve)) : undefined;
    }, never);
    expect(feed.emit(log('0\n'))).toBeUndefined();
    await Promise.resolve();
    for (let line = 1; line < 50; line++) expect(feed.emit(log(`${line}\n`))).toBeUndefined();
    void feed.emit(verdict);
    take();
    await following;
    expect(seen[1]).toMatch(/^4\d lines of the log are not kept any more$/);
    expect(seen.slice(-2)).toEqual(['49', 'result']);
  });

  it('may leave before the verdict', async () => {
    const feed = createFeed(() => undefined);
    const leave = new AbortController();
    void feed.emit(log('one\n'));
    const following = follow(feed, leave.signal);
    leave.abort();
    expect((await following).result).toBeUndefined();
  });

  it('and all of them get the same lines in the same order, or the number of those they miss', async () => {
    const events = fc.array(
      fc.oneof(
        fc.nat(400).map((n) => 'x'.repeat(n)),
        fc.constant(undefined),
      ),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(events, fc.integer({ min: 300, max: 9000 }), async (texts, limit) => {
        const feed = createFeed(() => undefined, limit);
        const live = follow(feed);
        for (const [index, text] of texts.entries()) {
          void feed.emit(text === undefined ? begun('image') : log(`${index}:${text}\n`));
          if (index % 7 === 0) await Promise.resolve();
        }
        void feed.emit(verdict);
        for (const { seen } of [await live, await follow(feed)]) {
          const lines = seen.filter((text) => /^\d+:x*$/.test(text));
          const missed = seen.map((text) => Number(/^(\d+) lines? of/.exec(text)?.[1] ?? 0));
          const steps = seen.filter((text) => text === 'step.started').length;
          expect(lines.length + missed.reduce((sum, n) => sum + n, 0)).toBe(
            texts.filter((text) => text !== undefined).length,
          );
          expect(steps).toBe(texts.filter((text) => text === undefined).length);
          expect(lines).toEqual(lines.toSorted((a, b) => parseInt(a) - parseInt(b)));
        }
      }),
    );
  });

  it('its caller alone holds the build back', async () => {
    let taken = false;
    const feed = createFeed(async () => {
      await Promise.resolve();
      taken = true;
    });
    await feed.emit(log('one\n'));
    expect(taken).toBe(true);
  });
});
