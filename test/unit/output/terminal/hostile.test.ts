import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../../src/model/events.js';
import { createTerminalRenderer } from '../../../../src/output/terminal/renderer.js';
import { createStory } from '../../../../src/output/terminal/story.js';
import { chooseStyle } from '../../../../src/output/terminal/style.js';
import { createManualTimer, createScreen } from '../../../fakes/terminal.js';

const start = Date.UTC(2026, 0, 1);
const environment = new Map<string, string>();

/** Pieces of text that terminals obey, measure differently, or show backwards. */
const pieces = [
  ...['a', 'word ', '\n', '\r', '\r\n', '\t', '\b', '\0', '\v', '\f', '\x7f', '\x84', '\x85', '\x8d'],
  ...[
    '\x1b',
    '\x1b[',
    '\x1b[2J',
    '\x1b[9A',
    '\x1b[1;1H',
    '\x1bc',
    '\x1bM',
    '\x1b7',
    '\x1b8',
    '\x1b[?1049h',
    '\x1b[?25l',
  ],
  ...[
    '\x1b[31m',
    '\x1b]0;title\x07',
    '\x1b]8;;http://x\x1b\\',
    '\x1bP1$r\x1b\\',
    '\x9b5A',
    '\x9d0;t\x9c',
    '\x1b[5n',
    '\x1b[c',
  ],
  ...['世界', '👨‍👩‍👧', '🇩🇪', 'e\u0301\u0302', '\u202e', '\u2028', '\ud800', '\u200b', '\ufeff', 'x'.repeat(250)],
];
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''));
const where = { step: fc.constantFrom('image', 'push'), project: fc.constantFrom('a', 'b') };
const happening = fc.oneof(
  fc.record({ type: fc.constant('step.started'), ...where }),
  fc.record({ type: fc.constant('log'), ...where, stream: fc.constant('stdout'), text }),
  fc.record({ type: fc.constant('progress'), ...where, what: text, current: fc.nat(100), total: fc.nat(50) }),
  fc.record({ type: fc.constant('warning'), message: text }),
  fc.record({
    type: fc.constant('step.finished'),
    ...where,
    status: fc.constantFrom('succeeded', 'failed', 'cancelled'),
    seconds: fc.nat(100),
  }),
  fc.record({ type: fc.constant('time'), ms: fc.nat(400) }),
);
const resize = fc.record({
  type: fc.constant('resize'),
  columns: fc.integer({ min: 1, max: 200 }),
  rows: fc.integer({ min: 1, max: 40 }),
});
const size = { columns: fc.constantFrom(20, 80, 200), rows: fc.integer({ min: 2, max: 30 }) };

type Act = { type: string; ms?: number; columns?: number; rows?: number };

const stamped = (act: object, now: number) =>
  ({ time: new Date(now).toISOString(), build: 'b', ...act }) as BuildEvent;
const verdict = (message: string) => ({
  ...{
    type: 'result',
    version: 1,
    id: 'b',
    status: 'failed',
    exitCode: 1,
    images: [],
    published: [],
    steps: [],
  },
  ...{ failure: { code: 'DOCKERFILE_FAILED', message, log: [] }, queuedAt: '', finishedAt: '' },
});

/** Tells a screen of a build; gives it, and one on which only the lines that stay were ever written. */
async function play(acts: readonly Act[], { columns, rows }: { columns: number; rows: number }) {
  const [screen, reference] = [createScreen({ columns, rows }), createScreen({ columns, rows })];
  const timer = createManualTimer(start);
  const story = createStory(chooseStyle(screen.term, environment));
  const emit = createTerminalRenderer({
    write: (said) => screen.write(said),
    terminal: screen,
    environment,
    timer,
  });
  for (const each of [screen, reference]) each.write('$ first\r\nsecond\r\n');
  screen.written = '';
  for (const act of [...acts, verdict('e\x1b[9Ad\nf')]) {
    if (act.type === 'time') timer.pass((act as Act).ms!);
    else if (act.type === 'resize') await screen.resize((act as Act).columns!, (act as Act).rows!);
    else {
      const event = stamped(act, timer.now());
      reference.write(story.tell(event).replaceAll('\n', '\r\n'));
      void emit(event);
    }
  }
  return { screen, reference, timer };
}

describe('hostile output', () => {
  it('leaves on the screen what would be there if nothing had ever moved', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 40 }), fc.record(size), async (acts, size) => {
        const { screen, reference, timer } = await play(acts, size);
        expect(await screen.history()).toEqual(await reference.history());
        expect(await screen.cursor()).toEqual({ column: 0, belowIsEmpty: true, wraps: true, visible: true });
        expect(timer.waiting()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('writes no control character but its own, whatever the window does', async () => {
    const own = /\x1b\[(?:J|K|\d+A|\d*m|\?25[lh]|\?7[lh])/g;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(happening, resize), { maxLength: 40 }),
        fc.record(size),
        async (acts, size) => {
          const { screen } = await play(acts, size);
          expect(screen.written.replace(own, '').replace(/[\r\n]/g, '')).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
          expect(await screen.cursor()).toMatchObject({
            column: 0,
            belowIsEmpty: true,
            wraps: true,
            visible: true,
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes nothing away that stood above, though the window becomes narrow and wide again', async () => {
    const narrow = fc.record({
      type: fc.constant('resize'),
      columns: fc.integer({ min: 10, max: 100 }),
      rows: fc.constant(30),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(happening, narrow), { maxLength: 30 }), async (acts) => {
        const { screen } = await play(acts, { columns: 80, rows: 30 });
        expect((await screen.history()).slice(0, 2)).toEqual(['$ first', 'second']);
      }),
      { numRuns: 200 },
    );
  });
});
