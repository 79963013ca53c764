import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { peakMemory } from '../../scenarios/memory.js';
import { startRunner, type Runner } from '../../scenarios/runner.js';
import { answersOthers, besiege, FINE, knock, logged, MOST_MEMORY } from './abuse.js';

/** The real server, and attackers without a key behind the same address as its callers. */
let runner: Runner;
beforeAll(async () => {
  runner = await startRunner();
});
afterEach(async () => expect(await peakMemory(runner.pid)).toBeLessThan(MOST_MEMORY));
afterAll(() => runner[Symbol.asyncDispose]());

describe('a flood of connections from the address of the caller', () => {
  it.each([
    ['that say nothing', undefined],
    ['that say who they are', 'SSH-2.0-flood\r\n'],
    ['of another protocol', 'GET / HTTP/1.1\r\n\r\n'],
    ['that begin a line', 'SSH-2.0-'],
    ['of noise', Buffer.concat([Buffer.from('SSH-2.0-flood\r\n'), randomBytes(3000)])],
  ])('500 %s', async (_, first) => {
    const sockets = await Promise.all(Array.from({ length: 500 }, () => knock(runner.port, first)));
    expect(await answersOthers(runner)).toEqual(FINE);
    for (const socket of sockets) socket.destroy();
  });

  it.each([
    ['silent', undefined],
    ['with a first line', 'SSH-2.0-flood\r\n'],
  ])('that come again as soon as they are cut, %s', async (_, first) => {
    const siege = besiege(runner.port, { count: 300, ...(first !== undefined && { first }) });
    const answers = await answersOthers(runner);
    siege.stop();
    expect(answers).toEqual(FINE);
  });

  it('10,000 times: a few lines in the log, which tell how many', async () => {
    await using other = await startRunner();
    for (let round = 0; round < 100; round++) {
      const sockets = await Promise.all(Array.from({ length: 100 }, () => knock(other.port, 'no ssh\r\n')));
      await Promise.all(sockets.filter(({ closed }) => !closed).map((socket) => once(socket, 'close')));
    }
    expect(await other.stop()).toBe(0);
    const lines = logged(other, 'login refused');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(10);
    for (const line of lines)
      expect(line).toMatchObject({ address: '127.0.0.1', reason: expect.any(String) as string });
    const repeated = logged(other, 'login refused, repeatedly');
    const count = repeated.reduce((sum, line) => sum + Number(line['count']), 0);
    expect({ total: count + lines.length, lines: repeated.length <= 2 }).toEqual({
      total: 10_000,
      lines: true,
    });
  });
});

it.each([
  ['a line without an end', Buffer.alloc(20_000, 'A')],
  ['a packet of 4 GiB', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(100, 0xff)])],
  [
    'a packet of 100 kB',
    Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 1, 0x86, 0xa0, 4]), Buffer.alloc(1000)]),
  ],
])('is rid of %s at once', async (_, noise) => {
  const socket = await knock(runner.port, noise);
  if (!socket.closed) await once(socket, 'close');
  expect(await answersOthers(runner, 1)).toEqual(['fine']);
});
