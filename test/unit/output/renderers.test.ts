import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { eventSchema, type BuildEvent } from '../../../src/model/events.js';
import { resultSchema } from '../../../src/model/result.js';
import { withFailureLog } from '../../../src/output/failure-log.js';
import { createRenderer, type OutputFormat } from '../../../src/output/renderer.js';

const at = (second: number) => ({
  time: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
  build: 'b1',
});
const log = (lines: string): BuildEvent => ({
  type: 'log',
  ...at(2),
  step: 'image',
  stream: 'stdout',
  text: lines,
});

const result: BuildEvent = {
  type: 'result',
  ...at(4),
  version: 1,
  id: 'b1',
  status: 'failed',
  exitCode: 1,
  failure: {
    step: 'image',
    code: 'DOCKERFILE_FAILED',
    message: 'RUN false failed; see the log above',
    commandExitCode: 7,
    log: [],
  },
  images: [],
  published: [],
  steps: [],
  queuedAt: at(0).time,
  finishedAt: at(4).time,
};

const events: BuildEvent[] = [
  { type: 'build.queued', ...at(0), ahead: 2 },
  { type: 'build.started', ...at(1) },
  { type: 'step.started', ...at(2), step: 'image' },
  log('one\ntwo\n'),
  { type: 'warning', ...at(2), message: 'careful' },
  { type: 'step.finished', ...at(3), step: 'image', status: 'failed', seconds: 1 },
  result,
];

async function render(
  format: OutputFormat,
  list: readonly BuildEvent[],
): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const out = Promise.all([text(stdout), text(stderr)]);
  const emit = withFailureLog(createRenderer({ format }, { stdout, stderr }));
  for (const event of list) await emit(event);
  stdout.end();
  stderr.end();
  const [left, right] = await out;
  return { stdout: left, stderr: right };
}

describe('renderers', () => {
  it('human: steps with the elapsed time, the log, and the result line last', async () => {
    const { stdout, stderr } = await render('human', events);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, -1)).toEqual(['waiting: 2 builds ahead', '== STEP image  1.0s', 'one', 'two']);
    const meta = lines.at(-1)!;
    expect(meta.startsWith('__build_result_meta {"image_size":null,"image_from":null,')).toBe(true);
    expect(resultSchema.parse(JSON.parse(meta.replace('__build_result_meta ', ''))).failure?.log).toEqual([
      'one',
      'two',
    ]);
    expect(stderr).toBe(
      'warning: careful\nerror: image: RUN false failed; see the log above (DOCKERFILE_FAILED)\n',
    );
  });

  it('human: nothing that a repository calls itself moves the cursor', async () => {
    const message = 'submodule a\x1b[2J\u009b1m\u202eb\ris left out';
    const { stderr } = await render('human', [{ type: 'warning', ...at(2), message }]);
    expect(stderr).toBe('warning: submodule a?[2J?1m?b?is left out\n');
  });

  it('json: one valid event per line, one log event per line of log', async () => {
    const { stdout, stderr } = await render('json', events);
    const parsed = stdout
      .trimEnd()
      .split('\n')
      .map((line) => eventSchema.parse(JSON.parse(line)));
    expect(parsed.map(({ type }) => type)).toEqual([
      'build.queued',
      'build.started',
      'step.started',
      'log',
      'log',
      'warning',
      'step.finished',
      'result',
    ]);
    expect(parsed.flatMap((event) => (event.type === 'log' ? [event.text] : []))).toEqual(['one', 'two']);
    expect(stderr).toBe('');
  });

  it('result: exactly one JSON object on stdout, the log on stderr', async () => {
    const { stdout, stderr } = await render('result', events);
    expect(resultSchema.parse(JSON.parse(stdout)).exitCode).toBe(1);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(stderr).toContain('one\ntwo\n');
  });

  it('repeats the last 50 lines of the failed step, however they were cut', async () => {
    const lines = Array.from({ length: 120 }, (_, n) => `line ${n}`);
    const whole = `${lines.join('\n')}\n`;
    const pieces = [whole.slice(0, 33), whole.slice(33, 600), whole.slice(600)].map(log);
    const { stdout } = await render('result', [events[2]!, ...pieces, result]);
    expect(resultSchema.parse(JSON.parse(stdout)).failure?.log).toEqual(lines.slice(-50));
  });

  it('waits for a slow reader, and for nobody who has gone', async () => {
    const stdout = new PassThrough({ highWaterMark: 16 });
    const emit = createRenderer({ format: 'json' }, { stdout, stderr: new PassThrough() });
    let done = false;
    const written = Promise.resolve(emit(log('a long enough line\n'))).then(() => (done = true));
    await new Promise(setImmediate);
    expect(done).toBe(false);
    stdout.destroy();
    await written;
    await emit(log('nobody reads this\n'));
  });
});
