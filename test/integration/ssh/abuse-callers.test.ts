import { describe, expect, it } from 'vitest';
import { uint32, wireString } from '../../../src/ssh/wire.js';
import {
  answersOthers,
  channelOpen,
  channelRequest,
  closed,
  FINE,
  globalRequest,
  logged,
  logIn,
  repeat,
  send,
  startAbuse,
  worksOff,
} from './abuse.js';

/** The real server, and an attacker who has a key. */
const abuse = startAbuse();

/** RFC 4254 §6.2. */
const pty = [wireString('xterm'), ...Array.from({ length: 4 }, () => uint32(80)), wireString('')];

describe('a flood of', () => {
  it('20,000 channels: 32 are opened, the others refused, in one line of the log', async () => {
    abuse.client = await logIn(abuse.runner);
    const { _handlers } = abuse.client._protocol;
    const answers = { opened: 0, refused: 0 };
    _handlers['CHANNEL_OPEN_CONFIRMATION'] = () => (answers.opened += 1);
    _handlers['CHANNEL_OPEN_FAILURE'] = () => (answers.refused += 1);
    send(
      abuse.client,
      repeat(20_000, (index) => channelOpen('session', index)),
    );
    const done = worksOff(abuse.client);
    expect(await answersOthers(abuse.runner)).toEqual(FINE);
    await done;
    expect(answers).toEqual({ opened: 32, refused: 19_968 });
    expect(logged(abuse.runner, 'session refused')).toEqual([
      expect.objectContaining({ address: '127.0.0.1', reason: 'more than 32 sessions on one connection' }),
    ]);
  });

  it.each([
    ['channels of an agent', channelOpen('auth-agent@openssh.com', 7)],
    [
      'tunnels',
      Buffer.concat([channelOpen('direct-tcpip', 7), wireString('h'), uint32(1), wireString('h'), uint32(1)]),
    ],
    ['global requests', globalRequest('flood@example.invalid', true)],
    ['forwardings', globalRequest('tcpip-forward', false, [wireString('0.0.0.0'), uint32(1)])],
    ['agents on a socket', globalRequest('streamlocal-forward@openssh.com', false, [wireString('/agent')])],
    ['environment variables', channelRequest('env', [wireString('A'), wireString('b'.repeat(100))])],
    [
      'window changes',
      channelRequest(
        'window-change',
        Array.from({ length: 4 }, () => uint32(0xffffffff)),
      ),
    ],
    ['signals', channelRequest('signal', [wireString('USR1')])],
    ['requests for an agent', channelRequest('auth-agent-req@openssh.com')],
    ['unknown requests', channelRequest('flood@example.invalid', [], { reply: true })],
    ['unknown messages', Buffer.from([200])],
    ['requests on a channel that is not there', channelRequest('env', [], { id: 99 })],
  ])('20,000 %s', async (_, message) => {
    abuse.client = await logIn(abuse.runner);
    send(abuse.client, [channelOpen('session', 0), channelRequest('pty-req', pty)]);
    send(abuse.client, repeat(20_000, message));
    const done = Promise.race([worksOff(abuse.client), closed(abuse.client)]);
    expect(await answersOthers(abuse.runner)).toEqual(FINE);
    await done;
  });

  it('environment variables with other names: 64 are kept', async () => {
    abuse.client = await logIn(abuse.runner);
    send(abuse.client, [channelOpen('session', 0)]);
    const value = wireString('x'.repeat(30_000));
    send(
      abuse.client,
      repeat(3_000, (index) => channelRequest('env', [wireString(`V${index}`), value])),
    );
    const done = worksOff(abuse.client);
    expect(await answersOthers(abuse.runner)).toEqual(FINE);
    await done;
  });

  it.each(['curve25519-sha256', 'diffie-hellman-group16-sha512'])('key exchanges (%s)', async (kex) => {
    abuse.client = await logIn(abuse.runner, { kex });
    const times: number[] = [];
    const enough = new Promise<void>((resolve) =>
      abuse.client.on('handshake', () => {
        times.push(performance.now());
        if (times.length === 30) resolve();
        else abuse.client._protocol.rekey();
      }),
    );
    abuse.client._protocol.rekey();
    expect(await answersOthers(abuse.runner)).toEqual(FINE);
    await enough;
    // The first ones are free, and each of the others costs 100 ms.
    expect(times.at(-1)! - times.at(-12)!).toBeGreaterThan(1000);
  });
});
