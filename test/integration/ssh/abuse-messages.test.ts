import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { uint32 } from '../../../src/ssh/wire.js';
import {
  answersOthers,
  channelOpen,
  channelRequest,
  closed,
  FINE,
  logIn,
  repeat,
  send,
  startAbuse,
  worksOff,
} from './abuse.js';

/** The real server, and what somebody who has a key may send it. */
const abuse = startAbuse();

it('a client that never reads is not read from either', async () => {
  abuse.client = await logIn(abuse.runner);
  abuse.client._sock.pause();
  const flood = channelRequest('flood@example.invalid', [], { reply: true });
  send(abuse.client, [channelOpen('session', 0)]);
  for (let round = 0; round < 8; round++) {
    send(abuse.client, repeat(50_000, flood));
    expect(await answersOthers(abuse.runner, 1)).toEqual(['fine']);
  }
  // It has work left that nobody takes from it: else all of the answers would lie in the runner's memory.
  expect(abuse.client._sock.writableLength).toBeGreaterThan(0);
});

describe('a command', () => {
  const outcome = async (command: string) => {
    abuse.client = await logIn(abuse.runner);
    return new Promise<{ code?: number; text: string }>((resolve) => {
      let text = '';
      abuse.client.on('close', () => resolve({ text }));
      abuse.client.exec(command, (error, channel) => {
        if (error) return resolve({ text: error.message });
        channel.stderr.on('data', (data: Buffer) => (text += data.toString()));
        channel.resume().on('close', (code: number) => resolve({ code, text }));
      });
    });
  };

  it.each([
    ['with a NUL', 'version\0'],
    ['of NULs', '\0'.repeat(1000)],
    ['of escape sequences', '\x1b]0;x\x07version'],
  ])('%s: exit 2', async (_, command) => {
    const { code, text } = await outcome(command);
    expect({ code, text }).toEqual({
      code: 2,
      text: expect.stringContaining('control characters') as string,
    });
  });

  it('of random bytes: exit 2, twenty times', async () => {
    for (let count = 0; count < 20; count++) {
      const { code, text } = await outcome(randomBytes(2_000).toString('latin1'));
      expect({ code, lines: text.split('\n').length }).toEqual({ code: 2, lines: 2 });
    }
  });

  it.each([
    ['30 kB of one word', 'x'.repeat(30_000)],
    ['10,000 flags', `build${' --x'.repeat(6_000)}`],
    ['10,000 operands', `status${' x'.repeat(10_000)}`],
    ['a quote that does not end', `build '${'x'.repeat(30_000)}`],
  ])('of %s: exit 2, in one short line', async (_, command) => {
    const { code, text } = await outcome(command);
    expect(code).toBe(2);
    expect(text).toMatch(/^buildbot: .{1,1000}\n$/);
  });

  it("of 1 MiB ends its connection, nobody else's: a packet has 35,000 bytes (RFC 4253 §6.1)", async () => {
    const other = await logIn(abuse.runner);
    expect(await outcome('x'.repeat(2 ** 20))).not.toHaveProperty('code', 0);
    expect(await answersOthers(abuse.runner)).toEqual(FINE);
    expect(other._sock.readyState).toBe('open');
    other.destroy();
  });
});

it('malformed messages end their connection at most', async () => {
  for (let number = 0; number < 60; number++) {
    abuse.client = await logIn(abuse.runner);
    const type = [80, 90, 91, 93, 94, 95, 96, 97, 98, 99, 50, 20, 21, 30, 60][number % 15]!;
    const name = ['session', 'exec', 'env', 'pty-req', 'signal', 'window-change', 'tcpip-forward'][
      number % 7
    ]!;
    send(abuse.client, [channelOpen('session', 0)]);
    const length = number % 5 === 0 ? uint32(0xffffffff) : uint32(name.length);
    const body = [Buffer.from([type]), type === 98 ? uint32(0) : Buffer.alloc(0), length, Buffer.from(name)];
    send(abuse.client, [Buffer.concat([...body, randomBytes(number % 64)])]);
    await Promise.race([worksOff(abuse.client), closed(abuse.client)]);
    abuse.client.destroy();
  }
  expect(await answersOthers(abuse.runner)).toEqual(FINE);
});
