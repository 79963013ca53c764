import { describe, expect, test } from 'vitest';
import { plainProgress } from '../../../../src/adapters/buildkit/progress.js';
import type { SolveStatus, Vertex } from '../../../../src/adapters/buildkit/trace.js';
import { redactEvents } from '../../output/redacting.js';

function vertex(digest: string, change: Partial<Vertex> = {}): Vertex {
  return { digest, name: `step ${digest}`, cached: false, started: 100, error: '', ...change };
}

function log(digest: string, data: string | Buffer, { stream = 1, timestamp = 100.312 } = {}) {
  return { vertex: digest, timestamp, stream, data: Buffer.from(data as string) };
}

function play(...reports: Partial<SolveStatus>[]) {
  const print = plainProgress();
  const empty = { vertexes: [], statuses: [], logs: [], warnings: [] };
  return [...reports.flatMap((report) => print.read({ ...empty, ...report })), ...print.flush()];
}

function text(events: ReturnType<typeof play>): string {
  return events.map((event) => (event.type === 'log' ? event.text : `! ${event.type}\n`)).join('');
}

test('a step has a heading, its output with the time since its start, and an end', () => {
  const events = play(
    { vertexes: [vertex('a')] },
    { logs: [log('a', 'one\ntwo\n')] },
    { vertexes: [vertex('a', { completed: 100.44 })] },
  );
  expect(text(events)).toBe('#1 step a\n#1 0.312 one\n#1 0.312 two\n#1 DONE 0.4s\n');
});

test('parallel steps are told apart when the output changes between them', () => {
  const events = play(
    { vertexes: [vertex('a'), vertex('b')] },
    { logs: [log('a', '1\n')] },
    { logs: [log('b', '2\n', { timestamp: 112.5 })] },
    { vertexes: [vertex('b', { completed: 113 })] },
    { vertexes: [vertex('a', { completed: 300, error: 'exit code: 1' })] },
  );
  expect(text(events)).toBe(
    '#1 step a\n#1 0.312 1\n#1 ...\n\n#2 step b\n#2 12.50 2\n#2 DONE 13.0s\n\n#1 step a\n#1 ERROR: exit code: 1\n',
  );
});

test('cached, failed and cancelled steps say so', () => {
  const end = { completed: 101 };
  const events = play({
    vertexes: [
      vertex('a', { ...end, cached: true }),
      vertex('b', { ...end, error: 'rpc error: context canceled' }),
    ],
  });
  expect(text(events)).toBe('#1 step a\n#1 CACHED\n\n#2 step b\n#2 CANCELED\n');
});

test('a character cut at a border stays whole, and a line without an end comes at the end of its step', () => {
  const bytes = Buffer.from('日本');
  const events = play(
    { vertexes: [vertex('a')] },
    { logs: [log('a', bytes.subarray(0, 2))] },
    { logs: [log('a', bytes.subarray(2), { timestamp: 105 }), log('a', 'err', { stream: 2 })] },
    { vertexes: [vertex('a', { completed: 106 })] },
  );
  expect(events.slice(1)).toEqual([
    { type: 'log', stream: 'stdout', text: '#1 0.312 日本\n' },
    { type: 'log', stream: 'stderr', text: '#1 0.312 err\n' },
    { type: 'log', stream: 'stdout', text: '#1 DONE 6.0s\n' },
  ]);
});

describe('a line that is long', () => {
  const secret = 'a-secret-that-is-cut';
  const [first, second] = [`${'x'.repeat(1_100_000)}${secret.slice(0, 9)}`, `${secret.slice(9)}y\n`];
  const line = `LONG${secret}y\n`;
  const shorten = (printed: string) => printed.replaceAll('x'.repeat(1_100_000), 'LONG');
  const textOf = (events: ReturnType<typeof play>, stream: string) =>
    shorten(
      events.map((event) => (event.type === 'log' && event.stream === stream ? event.text : '')).join(''),
    );

  test('comes in pieces whose texts are the line, so that a secret in it is found', async () => {
    const events = play(
      { vertexes: [vertex('a')] },
      { logs: [log('a', first)] },
      { logs: [log('a', second)] },
      { vertexes: [vertex('a', { completed: 101 })] },
    );
    expect(events).toHaveLength(4);
    expect(textOf(events, 'stdout')).toBe(`#1 step a\n#1 0.312 ${line}#1 DONE 1.0s\n`);
    const redacted: string[] = [];
    const emit = redactEvents([secret], (event) => void (event.type === 'log' && redacted.push(event.text)));
    const base = { time: '2026-01-01T00:00:00Z', build: 'b', step: 'image', project: undefined } as const;
    for (const event of events) if (event.type === 'log') await emit({ ...base, ...event });
    expect(shorten(redacted.join(''))).toContain('LONG***y\n');
  });

  test('is not cut by another step, nor by the other stream', () => {
    const events = play(
      { vertexes: [vertex('a'), vertex('b')] },
      { logs: [log('b', '1\n'), log('a', first), log('a', 'err\n', { stream: 2 })] },
      { logs: [log('b', '2\n')], vertexes: [vertex('b', { completed: 101 })] },
      { logs: [log('a', second)] },
    );
    expect(textOf(events, 'stdout')).toContain(`#1 0.312 ${line}`);
    expect(textOf(events, 'stdout')).toMatch(/#2 0\.312 2\n#2 DONE 1\.0s\n/);
    expect(textOf(events, 'stderr')).toBe('#1 0.312 err\n');
  });

  test('is cut by another step only when much waits for it', () => {
    const much = 'zzz\n'.repeat(150_000);
    const events = play(
      { vertexes: [vertex('a'), vertex('b')] },
      { logs: [log('a', first)] },
      { logs: [log('b', much)] },
      { logs: [log('b', much)] },
      { logs: [log('a', second)] },
    );
    const printed = textOf(events, 'stdout').replace(
      /(?:#2 0\.312 zzz\n)+/,
      (all) => `${all.split('\n').length - 1} lines\n`,
    );
    const [before, after] = [line.slice(0, 4 + 9), second];
    expect(printed).toBe(
      `#1 step a\n#1 0.312 ${before}\n#1 ...\n\n#2 step b\n300000 lines\n#2 ...\n\n#1 step a\n#1 0.312 ${after}`,
    );
  });

  test('that never ends is ended with its step, or with the solve', () => {
    const begin = [{ vertexes: [vertex('a')] }, { logs: [log('a', first)] }];
    const printed = `#1 step a\n#1 0.312 LONG${secret.slice(0, 9)}\n`;
    const end = { vertexes: [vertex('a', { completed: 101 })] };
    expect(textOf(play(...begin, end), 'stdout')).toBe(`${printed}#1 DONE 1.0s\n`);
    expect(textOf(play(...begin), 'stdout')).toBe(printed);
  });
});

test('output that comes with the end of its step is before it', () => {
  const events = play(
    { vertexes: [vertex('a')] },
    { logs: [log('a', 'one ')] },
    { logs: [log('a', 'line\n')], vertexes: [vertex('a', { completed: 101 })] },
  );
  expect(text(events)).toBe('#1 step a\n#1 0.312 one line\n#1 DONE 1.0s\n');
});

test('a transfer is shown with its bytes, and not again before it has moved', () => {
  const status = { id: 'sha256:abc', vertex: 'a', total: 3_400_000, started: 100 };
  const at = (current: number, timestamp: number) => ({ statuses: [{ ...status, current, timestamp }] });
  const events = play({ vertexes: [vertex('a')] }, at(0, 100), at(1000, 100.1), at(1_200_000, 100.3), {
    statuses: [{ ...status, current: 3_400_000, timestamp: 101, completed: 101 }],
  });
  expect(text(events)).toBe(
    '#1 step a\n#1 sha256:abc 0B / 3.40MB\n#1 sha256:abc 1.20MB / 3.40MB 0.3s\n#1 sha256:abc 3.40MB / 3.40MB 1.0s done\n',
  );
});

test('a log that the engine cut gives one warning', () => {
  const marker = '[output clipped, log limit 1MiB reached]\n';
  const events = play(
    { vertexes: [vertex('a')] },
    { logs: [log('a', marker)] },
    { logs: [log('a', marker)] },
  );
  expect(events.filter(({ type }) => type === 'warning')).toEqual([
    { type: 'warning', message: expect.stringContaining('BUILDKIT_STEP_LOG_MAX_SIZE') },
  ]);
});
