import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SshLimits } from '../../../src/ssh/server.js';
import type { SessionHandler } from '../../../src/ssh/session.js';
import { uint32, wireString } from '../../../src/ssh/wire.js';
import { channelOpen, channelRequest, knock, logIn, repeat, send } from './abuse.js';
import { dropKeyRing, makeKeyRing, run, startLab, type Lab } from './lab.js';

const ring = makeKeyRing();
const labs: Lab[] = [];
let authorized = '';
let written = 0;
let environment: ReadonlyMap<string, string> | undefined;

/** `pour`: as much as is taken. Else it notes its environment. */
const handle: SessionHandler = async (session) => {
  const { command, stdout, signal } = session;
  if (command !== 'pour') environment = session.environment;
  while (command === 'pour' && !signal.aborted) {
    if (!stdout.write(Buffer.alloc(65_536)))
      await Promise.race([once(stdout, 'drain'), once(signal, 'abort')]);
    written += 65_536;
    await setImmediate();
  }
  return 0;
};

async function lab(limits: Partial<SshLimits> = {}): Promise<Lab> {
  const started = await startLab(ring, { handle, authorized, limits });
  labs.push(started);
  return started;
}
const enter = ({ port }: Lab) => logIn({ port, directory: ring.directory });
const isUp = async ({ ssh }: Lab) => (await run('ssh', [...ssh('key'), 'h', 'x'])).code === 0;
const refusal = (reason: string) => (line: { message: string; fields: Record<string, unknown> }) =>
  line.message === 'login refused' && line.fields['reason'] === reason;

beforeAll(() => {
  authorized = ring.add('key', '-t', 'ed25519') + ring.add('other', '-t', 'ed25519');
});
afterEach(async () => {
  await Promise.all(labs.splice(0).map(({ server }) => server.end()));
});
afterAll(() => dropKeyRing(ring));

describe('the login grace ends', () => {
  it('a first line that comes byte by byte', async () => {
    const slow = await lab({ loginGraceMs: 300 });
    const socket = connect(slow.port, '127.0.0.1').on('error', () => {});
    const closed = once(socket.resume(), 'close');
    const drip = setInterval(() => socket.write('A'), 20);
    await closed;
    clearInterval(drip);
    await slow.logged(refusal('no login within 0.3 s'));
  });

  it('a client that logs in no further than its key exchange', async () => {
    const slow = await lab({ loginGraceMs: 300 });
    const script = `
import paramiko, socket, sys
transport = paramiko.Transport(socket.create_connection(('127.0.0.1', ${slow.port})))
transport.start_client()
transport.join()
print('cut')
`;
    const { stdout } = await run('/usr/bin/python3', ['-'], { input: script });
    expect(stdout.toString()).toBe('cut\n');
    await slow.logged(refusal('no login within 0.3 s'));
  });

  it('a client that has closed its half of the connection, at once', async () => {
    const { port, logged } = await lab();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
    socket.resume().end('SSH-2.0-x\r\n');
    await once(socket, 'end');
    await logged(({ message }) => message === 'login refused');
    socket.destroy();
  });
});

it('one key does not take all places: another still gets in', async () => {
  const small = await lab({ maxConnections: 3, maxConnectionsPerKey: 2 });
  const clients = [await enter(small), await enter(small)];
  expect((await run('ssh', [...small.ssh('key'), 'h', 'x'])).code).toBe(255);
  const { fields } = await small.logged(({ message }) => message === 'login refused');
  expect(fields['reason']).toMatch(/^more than 2 connections with key SHA256:/);
  expect((await run('ssh', [...small.ssh('other'), 'h', 'x'])).code).toBe(0);
  clients[0]!.end();
  await expect.poll(() => isUp(small)).toBe(true);
  clients[1]!.end();
});

it('who speaks another protocol is told from who hangs up', async () => {
  const { port, logged } = await lab();
  await once(await knock(port, 'GET / HTTP/1.1\r\n\r\n'), 'close');
  await logged(refusal('it does not speak SSH'));
});

it('of thousands of environment variables, 64 come through, and 2 MiB', async () => {
  const started = await lab();
  const client = await enter(started);
  const variable = (index: number, value: string) =>
    channelRequest('env', [wireString(`V${index}`), wireString(value)]);
  const channels = [
    repeat(5_000, (index) => variable(index, 'x'.repeat(100))),
    repeat(63, (index) => variable(index, 'x'.repeat(30_000))),
  ];
  for (const [id, requests] of channels.entries()) {
    environment = undefined;
    send(client, [channelOpen('session', id)]);
    for (const request of requests) {
      request.writeUInt32BE(id, 1);
      send(client, [request]);
    }
    send(client, [channelRequest('exec', [wireString('x')], { id })]);
    await expect.poll(() => environment?.size).toBe(id === 0 ? 64 : 63);
  }
  client.destroy();
});

it('a client that begins a key exchange and does not end it gets no more output until then', async () => {
  const started = await lab();
  const client = await enter(started);
  // A window of 4 GiB: nothing else holds the output back.
  const open = Buffer.concat([
    Buffer.from([90]),
    wireString('session'),
    uint32(0),
    uint32(0xffffffff),
    uint32(32_768),
  ]);
  client._sock.removeAllListeners('data').resume();
  send(client, [open, channelRequest('exec', [wireString('pour')])]);
  await expect.poll(() => written).toBeGreaterThan(0);
  client._protocol.rekey();
  // By the end of a login of somebody else, the server has heard of the key exchange.
  expect(await isUp(started)).toBe(true);
  const before = written;
  expect(await isUp(started)).toBe(true);
  expect(written - before).toBe(0);
  client.destroy();
});
