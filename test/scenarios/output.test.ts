import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/model/events.js';
import { lab } from '../lab/environment.js';
import { engineCan } from './engine.js';
import { growth, MOST_GROWTH } from './memory.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { startRunner, type Runner } from './runner.js';

describe('much output', () => {
  let classic: Runner;
  let repository: Repository;
  beforeAll(async () => {
    classic = await startRunner({ BUILDBOT_BUILDKIT: 'no' });
    repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nARG LINES\nRUN seq 1 $LINES\n`,
      'yes.Dockerfile': `FROM ${lab('LAB_BASE_IMAGE')}\nRUN yes "a line of a very long log, which nobody reads until the end" | head -n 8000000\n`,
      'one.Dockerfile': `FROM ${lab('LAB_BASE_IMAGE')}\nRUN head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end\n`,
    });
  });
  afterAll(async () => {
    await classic[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  const command = (flags: string) =>
    `build --repo ${repository.url} --no-push --no-cache --credentials - ${flags}`;

  it(
    'a million lines arrive complete and in order, and the memory stays flat',
    { timeout: 180_000 },
    async () => {
      const client = classic.open(command('--build-arg LINES=1000000'), { input: credentials() });
      const closed = once(client, 'close') as Promise<[number]>;
      let next = 1;
      for await (const line of createInterface(client.stdout)) if (line === String(next)) next++;
      expect([next - 1, (await closed)[0]]).toEqual([1_000_000, 0]);
      expect(await growth(classic)).toBeLessThan(MOST_GROWTH);
    },
  );

  it(
    'a reader that stands still costs no memory, and gets everything in the end',
    { timeout: 180_000 },
    async () => {
      await using runner = await startRunner({ BUILDBOT_BUILDKIT: 'no' });
      const client = runner.open(command('-f yes.Dockerfile'), { input: credentials() });
      const closed = once(client, 'close') as Promise<[number]>;
      client.stdout.pause();
      // Wait until everything on the way is full: the runner has stopped reading.
      let [before, now] = [-1, 0];
      while (now !== before || now === 0) {
        await setTimeout(1000);
        [before, now] = [
          now,
          Number(/rchar: (\d+)/.exec(await readFile(`/proc/${runner.pid}/io`, 'utf8'))![1]),
        ];
      }
      expect(await growth(runner)).toBeLessThan(MOST_GROWTH);
      expect((await runner.ssh('status')).stdout).toContain('1 of');
      let lines = 0;
      for await (const line of createInterface(client.stdout)) if (line.startsWith('a line of')) lines++;
      expect([lines, (await closed)[0]]).toEqual([8_000_000, 0]);
      expect(await growth(runner)).toBeLessThan(MOST_GROWTH);
    },
  );

  it('one line of 50 MB does no harm', { timeout: 120_000 }, async () => {
    const client = classic.open(command('-f one.Dockerfile'), { input: credentials() });
    const closed = once(client, 'close') as Promise<[number]>;
    let seen = 0;
    let tail = '';
    client.stdout.on('data', (data: Buffer) => {
      seen += data.toString('latin1').replace(/[^x]/g, '').length;
      tail = (tail + data.toString()).slice(-4000);
    });
    expect((await closed)[0]).toBe(0);
    expect(seen).toBeGreaterThanOrEqual(50_000_000);
    expect(tail).toContain('\nend\n');
    expect(await growth(classic)).toBeLessThan(MOST_GROWTH);
  });

  it(
    "says that BuildKit's daemon has clipped a log, and how to lift that",
    { timeout: 120_000 },
    async () => {
      await using runner = await startRunner();
      const output = await runner.ssh(command('--build-arg LINES=400000 --output json'), {
        input: credentials(),
      });
      const events = output.stdout
        .trimEnd()
        .split('\n')
        .map((line) => eventSchema.parse(JSON.parse(line)));
      const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
      if (engineCan.clipLogs) {
        expect(warnings).toEqual([expect.stringContaining('BUILDKIT_STEP_LOG_MAX_SIZE') as string]);
      } else {
        const log = events.map((event) => (event.type === 'log' ? `${event.text}\n` : '')).join('');
        expect([warnings, log.match(/^\d+$/gm)?.length]).toEqual([[], 400_000]);
      }
    },
  );
});
