import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SessionHandler } from '../../../src/ssh/session.js';
import { startAgent } from '../../scenarios/agent.js';
import { dropKeyRing, makeKeyRing, outcomeOf, run, start, startLab, type Client, type Lab } from './lab.js';

const ring = makeKeyRing();
let lab: Lab;
let directory = '';
const at = () => join(directory, 'agent.sock');

/** Lends the agent at `at()` until the client is gone. */
const handle: SessionHandler = async ({ agent, stdout, signal }) => {
  if (agent === undefined) {
    stdout.write('no agent\n');
    return 0;
  }
  await using _socket = await agent.listen(at());
  stdout.write('ready\n');
  if (!signal.aborted) await once(signal, 'abort');
  return 0;
};

beforeAll(async () => {
  const free = ring.add('ed25519', '-t', 'ed25519');
  const bound = ring.add('bound', '-t', 'ed25519');
  lab = await startLab(ring, { handle, authorized: `${free}no-agent-forwarding ${bound}` });
});
afterAll(async () => {
  await lab.server.end();
  dropKeyRing(ring);
});
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'ssh-agent-test-'))));
afterEach(() => rmSync(directory, { recursive: true }));

/** What a client has for an agent: repeats all that it hears, with its own name in front. */
async function startEcho(name: string): Promise<{ path: string; connections: Set<Socket>; server: Server }> {
  const path = join(directory, name);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket.on('error', () => {}).on('close', () => connections.delete(socket)));
    socket.on('data', (data) => socket.write(`${name}: ${data.toString()}`));
  });
  server.listen(path);
  await once(server, 'listening');
  return { path, connections, server };
}

async function ask(question: string): Promise<{ socket: Socket; answer: string }> {
  const socket = connect(at()).on('error', () => {});
  socket.write(question);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return { socket, answer: answer.toString() };
}

async function ready(client: Client): Promise<Client> {
  const [said] = (await once(client.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('ready\n');
  return client;
}

async function leave(client: Client): Promise<void> {
  client.kill();
  await once(client, 'exit');
}

it('an agent is a private socket, each connection a way of its own, and all of it goes with the command', async () => {
  const echo = await startEcho('echo');
  const client = await ready(start('ssh', [...lab.ssh(), '-R', `/agent:${echo.path}`, 'h', 'x']));
  expect(statSync(at()).mode & 0o777).toBe(0o600);
  const asked = await Promise.all(['one', 'two', 'three'].map(ask));
  expect(asked.map(({ answer }) => answer)).toEqual(['echo: one', 'echo: two', 'echo: three']);
  const [first, ...others] = asked.map(({ socket }) => socket);
  first!.destroy();
  const closed = Promise.all(others.map((socket) => once(socket, 'close')));
  await leave(client);
  await closed;
  // The handler disposes it a moment later than the client is gone.
  while (existsSync(at())) await new Promise(setImmediate);
  echo.server.close();
});

it('OpenSSH forwards its own with -A', async () => {
  await using agent = await startAgent(ring.file('ed25519'));
  const client = await ready(start('ssh', [...lab.ssh(), ...agent.forwarded.options!, 'h', 'x']));
  const list = () => outcomeOf(start('ssh-add', ['-l'], { env: { ...process.env, SSH_AUTH_SOCK: at() } }));
  for (const { code, stdout } of await Promise.all([list(), list(), list()])) {
    expect({ code, stdout: stdout.toString() }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^256 SHA256:\S+ ed25519 \(ED25519\)\n$/) as string,
    });
  }
  await agent.kill();
  expect((await list()).code).not.toBe(0);
  await leave(client);
});

it('thirty-two programs at a time, and the next one is hung up on', async () => {
  const echo = await startEcho('echo');
  const client = await ready(start('ssh', [...lab.ssh(), '-R', `/agent:${echo.path}`, 'h', 'x']));
  const asked = await Promise.all(Array.from({ length: 32 }, (_, index) => ask(String(index))));
  const late = connect(at()).on('error', () => {});
  await once(late, 'close');
  asked[0]!.socket.destroy();
  while (echo.connections.size === 32) await new Promise(setImmediate);
  expect((await ask('again')).answer).toBe('echo: again');
  await leave(client);
  echo.server.close();
});

it('a megabyte each way arrives whole', async () => {
  const path = join(directory, 'mirror');
  const server = createServer((socket) => void socket.pipe(socket)).listen(path);
  await once(server, 'listening');
  const client = await ready(start('ssh', [...lab.ssh(), '-R', `/agent:${path}`, 'h', 'x']));
  const data = Buffer.alloc(2 ** 20, 'question ');
  const socket = connect(at());
  socket.write(data);
  let size = 0;
  for await (const chunk of socket) {
    expect((chunk as Buffer).equals(data.subarray(size, size + (chunk as Buffer).length))).toBe(true);
    size += (chunk as Buffer).length;
    if (size === data.length) break;
  }
  await leave(client);
  server.close();
});

describe('a client', () => {
  it.each([
    ['-A', (path: string) => ['-A', '-o', `IdentityAgent=${path}`]],
    ['-R', (path: string) => ['-R', `/agent:${path}`]],
  ])('whose key may not is told so (%s)', async (_, options) => {
    const echo = await startEcho('echo');
    const { stdout, stderr } = await run('ssh', [...lab.ssh('bound'), ...options(echo.path), 'h', 'x']);
    expect(stdout.toString()).toBe('no agent\n');
    expect(stderr).toMatch(
      /^buildbot: the agent is not forwarded: your key's line has restrict or no-agent-forwarding .*\n/m,
    );
    echo.server.close();
  });

  it('that wants another path, or a port, is told what there is, once', async () => {
    const options = ['-R', '/tmp/x:/tmp/y', '-R', '0:127.0.0.1:1'];
    const { stdout, stderr } = await run('ssh', [...lab.ssh(), ...options, 'h', 'x']);
    expect(stdout.toString()).toBe('no agent\n');
    expect(
      stderr.match(/forwarding \(-R\) is refused; this runner takes your ssh-agent alone/g),
    ).toHaveLength(1);
    expect(existsSync('/tmp/x')).toBe(false);
  });

  it('that takes the agent back has none from then on', async () => {
    const echo = await startEcho('echo');
    const control = join(directory, 'control');
    const master = start('ssh', [...lab.ssh(), '-M', '-S', control, '-R', `/agent:${echo.path}`, 'h', 'x']);
    await ready(master);
    await run('ssh', [...lab.ssh(), '-S', control, '-O', 'cancel', '-R', `/agent:${echo.path}`, 'h']);
    const later = await outcomeOf(start('ssh', [...lab.ssh(), '-S', control, 'h', 'x']));
    expect(later.stdout.toString()).toBe('no agent\n');
    await leave(master);
    echo.server.close();
  });

  /** A client of ssh2 that answers our request for a channel to its agent as `answer` does. */
  async function openHostile(answer: (protocol: Hostile, channel: number) => void): Promise<ssh2.Client> {
    const client = new ssh2.Client();
    const internals = client as unknown as { _protocol: Hostile };
    client
      .on('error', () => {})
      .connect({
        host: '127.0.0.1',
        port: lab.port,
        username: 'x',
        strictVendor: false,
        privateKey: readFileSync(ring.file('ed25519')),
      });
    await once(client, 'ready');
    await new Promise<void>((resolve) => client.openssh_forwardInStreamLocal('/agent', () => resolve()));
    internals._protocol._handlers.CHANNEL_OPEN = (protocol, { sender }) => answer(protocol, sender);
    const opened = new Promise<void>((resolve) => {
      client.exec('x', (_, stream) => stream.once('data', () => resolve()));
    });
    await opened;
    return client;
  }
  type Hostile = {
    _handlers: { CHANNEL_OPEN: (protocol: Hostile, info: { sender: number }) => void };
    channelOpenConfirm(remote: number, local: number, window: number, packetSize: number): void;
    channelOpenFail(remote: number, reason: number, description: string): void;
  };

  it.each([
    ['with packets of no size', (p: Hostile, id: number) => p.channelOpenConfirm(id, 9, 2 ** 20, 0)],
    ['with a refusal', (p: Hostile, id: number) => p.channelOpenFail(id, 1, 'no')],
  ])('that answers %s is hung up on, and others are served', async (_, answer) => {
    const client = await openHostile(answer);
    const socket = connect(at()).on('error', () => {});
    socket.write('question');
    await once(socket, 'close');
    expect((await run('ssh', [...lab.ssh(), 'h', 'x'])).stdout.toString()).toBe('no agent\n');
    client.end();
    while (existsSync(at())) await new Promise(setImmediate);
  });

  it('that never answers keeps nobody once it is gone', async () => {
    const client = await openHostile(() => {});
    const socket = connect(at()).on('error', () => {});
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    client.destroy();
    await closed;
    while (existsSync(at())) await new Promise(setImmediate);
  });
});
