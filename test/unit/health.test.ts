import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { createHealth } from '../../src/health.js';
import type { EngineDescription } from '../../src/ports.js';

test('an engine that hangs is asked once at a time, and its last answer is shown meanwhile', async () => {
  const answers: ((described: EngineDescription) => void)[] = [];
  const signals: AbortSignal[] = [];
  const describe = (signal: AbortSignal) =>
    new Promise<EngineDescription>((resolve, reject) => {
      signals.push(signal);
      answers.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  const clock = { now: () => new Date(0) };
  const usage = () => ({ used: 1, limit: 2 });
  const health = createHealth({ engine: { describe }, clock, dataDirectory: tmpdir(), usage });
  const first = health();
  answers[0]!({ name: 'docker', version: '1', buildkit: true });
  const well = { reachable: true, name: 'docker', version: '1', checkedAt: '1970-01-01T00:00:00.000Z' };
  const { engine, disk } = await first;
  expect(engine).toEqual(well);
  expect(disk).toEqual({ free: expect.any(Number), total: expect.any(Number), caches: usage() });

  const [one, two] = await Promise.all([health(), health()]);
  expect([one.engine, two.engine]).toEqual([well, well]);
  expect(signals).toHaveLength(2);
  expect(signals[1]!.aborted).toBe(false);
  await expect
    .poll(async () => (await health()).engine, { timeout: 60_000 })
    .toMatchObject({ reachable: false, message: 'the engine did not answer within 2 s' });
});
