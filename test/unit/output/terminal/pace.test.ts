import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../../src/model/events.js';
import { createPump } from '../../../../src/output/pump.js';
import { createTerminalRenderer } from '../../../../src/output/terminal/renderer.js';
import { createManualTimer, createScreen } from '../../../fakes/terminal.js';

const start = Date.UTC(2026, 0, 1);
const at = { time: new Date(start).toISOString(), build: 'b1' };
const environment = new Map<string, string>();
const begin: BuildEvent = { type: 'step.started', ...at, step: 'image' };
const log = (text: string): BuildEvent => ({ type: 'log', ...at, step: 'image', stream: 'stdout', text });
const warning = (message: string): BuildEvent => ({ type: 'warning', ...at, message });

describe('the pace of pictures', () => {
  it('is ten a second, however much is logged', async () => {
    const screen = createScreen({ columns: 80, rows: 24 });
    const timer = createManualTimer(start);
    const emit = createTerminalRenderer({
      write: (text) => screen.write(text),
      terminal: screen,
      environment,
      timer,
    });
    void emit(begin);
    const lines = `${'a line of a log that nobody can read so fast'.padEnd(99)}\n`.repeat(100);
    // 10 MB in a second.
    for (let n = 0; n < 1000; n++) {
      void emit(log(`${lines}line ${n}\n`));
      timer.pass(1);
    }
    expect(screen.writes).toBeLessThanOrEqual(11);
    expect(screen.written.length).toBeLessThan(20_000);
    timer.pass(100);
    expect((await screen.visible())[6]).toBe('  line 999');
  });

  it('is that of a slow reader, who also holds the build back', async () => {
    const screen = createScreen({ columns: 80, rows: 24 });
    const timer = createManualTimer(start);
    const stream = new PassThrough({ highWaterMark: 16 });
    const emit = createTerminalRenderer({ write: createPump(stream), terminal: screen, environment, timer });
    const first = emit(begin);
    timer.pass(10_000);
    expect(first).toBeInstanceOf(Promise);
    const before = stream.readableLength + stream.writableLength;
    const logged = emit(log('more\n'));
    void emit(warning('w'.repeat(100_000)));
    timer.pass(10_000);
    expect(stream.readableLength + stream.writableLength).toBe(before);
    stream.on('data', (data: Buffer) => screen.write(data.toString()));
    await Promise.all([first, logged]);
    timer.pass(200);
    expect((await screen.history()).at(-1)).toBe('  more');
  });

  it('is none at all when nothing runs', () => {
    const screen = createScreen({ columns: 80, rows: 24 });
    const timer = createManualTimer(start);
    const emit = createTerminalRenderer({
      write: (text) => screen.write(text),
      terminal: screen,
      environment,
      timer,
    });
    void emit(begin);
    timer.pass(1000);
    void emit({ type: 'step.finished', ...at, step: 'image', status: 'succeeded', seconds: 1 });
    timer.pass(1000);
    expect(timer.waiting()).toBe(0);
  });
});
