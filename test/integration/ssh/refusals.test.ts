import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SshLimits, SshServer } from '../../../src/ssh/server.js';
import { startSshServer } from '../../../src/ssh/server.js';
import type { SessionHandler } from '../../../src/ssh/session.js';
import { dropKeyRing, makeKeyRing, outcomeOf, run, start, startLab, type Lab } from './lab.js';
import { freePort } from './sshd.js';

const ring = makeKeyRing();
const labs: Lab[] = [];
let authorized = '';

/** `wait`: until the client is gone. */
const handle: SessionHandler = async ({ command, stdout, signal }) => {
  stdout.write('hello\n');
  if (command === 'wait' && !signal.aborted) await once(signal, 'abort');
  return 0;
};

async function lab(limits: Partial<SshLimits> = {}): Promise<Lab> {
  const started = await startLab(ring, { handle, authorized, limits });
  labs.push(started);
  return started;
}

const isUp = async ({ ssh }: Lab) => (await run('ssh', [...ssh(), 'h', 'x'])).stdout.toString() === 'hello\n';
const refusal = (reason: RegExp) => (line: { message: string; fields: Record<string, unknown> }) =>
  line.message === 'login refused' && reason.test(String(line.fields['reason']));

beforeAll(() => {
  authorized = ring.add('ed25519', '-t', 'ed25519');
  for (let number = 0; number < 7; number++) ring.add(`wrong${number}`, '-t', 'ed25519');
});
afterEach(async () => {
  await Promise.all(labs.splice(0).map(({ server }) => server.end()));
});
afterAll(() => dropKeyRing(ring));

describe('what is not for a build runner', () => {
  it.each([
    ['sftp', ['h']],
    ['scp', ['/etc/hostname', 'h:x']],
  ])('%s says what to type instead', async (program, args) => {
    const { code, stderr } = await run(program, [...(await lab()).ssh(), ...args]);
    expect(stderr).toContain("this is a build runner, not a file server: try 'ssh HOST help'\n");
    expect(code).not.toBe(0);
  });

  it('connections through the runner (-W)', async () => {
    const { ssh, port } = await lab();
    const { code, stderr } = await run('ssh', [
      '-o',
      'LogLevel=INFO',
      ...ssh(),
      '-W',
      `127.0.0.1:${port}`,
      'h',
    ]);
    expect({ code, stderr }).toEqual({
      code: 255,
      stderr: expect.stringContaining('administratively prohibited') as string,
    });
  });

  it.each([
    ['TCP', 'ports'],
    ['a socket', 'sockets'],
  ])('listening on the runner (-R %s)', async (_, kind) => {
    const { ssh } = await lab();
    const target = kind === 'ports' ? '0:127.0.0.1:1' : '/tmp/remote.sock:127.0.0.1:1';
    const options = ['-o', 'ExitOnForwardFailure=yes', '-N', '-R', target];
    const { code, stderr } = await run('ssh', [...ssh(), ...options, 'h']);
    expect({ code, stderr }).toEqual({
      code: 255,
      stderr: expect.stringContaining('remote port forwarding failed') as string,
    });
  });

  it.each([
    ['-L', (at: string) => ['-L', `${at}:127.0.0.1:1`], Buffer.from('hello')],
    [
      '-L to a socket',
      (at: string) => ['-L', `${at}:/var/run/docker.sock`],
      Buffer.from('GET / HTTP/1.0\r\n\r\n'),
    ],
    // SOCKS4: connect to 127.0.0.1:1.
    ['-D', (at: string) => ['-D', at], Buffer.from([4, 1, 0, 1, 127, 0, 0, 1, 0])],
  ])('tunnels (%s)', async (_, option, bytes) => {
    const { ssh } = await lab();
    const port = await freePort();
    const client = start('ssh', [
      '-o',
      'LogLevel=INFO',
      ...ssh(),
      ...option(`127.0.0.1:${port}`),
      'h',
      'wait',
    ]);
    await once(client.stdout, 'data');
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.end(bytes);
    let said = '';
    for await (const chunk of client.stderr) {
      said += String(chunk);
      if (said.includes('open failed')) break;
    }
    expect(said).toContain('administratively prohibited');
    client.kill();
    await once(client, 'exit');
  });

  it('X11: refused with a line, and the command runs all the same', async () => {
    const { ssh } = await lab();
    const { code, stdout, stderr } = await run('env', ['DISPLAY=:9', 'ssh', ...ssh(), '-A', '-Y', 'h', 'x']);
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: 'hello\n' });
    expect(stderr).toContain('buildbot: X11 is not forwarded');
  });
});

it('passes ssh-audit without a failure', async () => {
  const { port } = await lab();
  const { stdout } = await run('ssh-audit', ['--json', '-p', String(port), '127.0.0.1']);
  const report = JSON.parse(stdout.toString()) as { kex: unknown[]; key: { algorithm: string }[] };
  expect(report.key.map(({ algorithm }) => algorithm)).toEqual(['ssh-ed25519']);
  expect(report.kex.length).toBeGreaterThan(3);
  const text = await run('ssh-audit', ['-b', '-n', '--level=fail', '-p', String(port), '127.0.0.1']);
  expect(text.stdout.toString() + text.stderr).not.toMatch(/\[fail\]/);
});

describe('a stranger', () => {
  it('who sends nothing is cut off after the login grace', async () => {
    const { port, logged } = await lab({ loginGraceMs: 200 });
    const socket = connect(port, '127.0.0.1');
    await once(socket.resume(), 'close');
    const { fields } = await logged(refusal(/no login within 0.2 s/));
    expect(fields).toMatchObject({ address: '127.0.0.1' });
  });

  it('learns nothing about the version', async () => {
    const { port } = await lab();
    const socket = connect(port, '127.0.0.1');
    const [banner] = (await once(socket, 'data')) as [Buffer];
    expect(banner.toString()).toBe('SSH-2.0-OpenSSH_buildbot\r\n');
    socket.destroy();
  });

  it('has six tries: the right key as the seventh comes too late', async () => {
    const { ssh, logged } = await lab();
    const keys = (count: number) =>
      Array.from({ length: count }, (_, index) => ['-i', ring.file(`wrong${index}`)]).flat();
    const seventh = await run('ssh', [...ssh('wrong6'), ...keys(5), '-i', ring.file('ed25519'), 'h', 'x']);
    expect(seventh).toMatchObject({ code: 255 });
    await logged(refusal(/unknown key SHA256:/));
    const sixth = await run('ssh', [...ssh('wrong6'), ...keys(4), '-i', ring.file('ed25519'), 'h', 'x']);
    expect(sixth).toMatchObject({ code: 0 });
  });

  it('cannot take more than a few places', async () => {
    const limited = await lab({ maxUnauthenticatedPerAddress: 3 });
    const sockets = await Promise.all([1, 2, 3].map(() => greet(limited.port)));
    const gaveWay = once(sockets[0]!, 'close');
    const newest = await greet(limited.port);
    await gaveWay;
    await limited.logged(refusal(/more than 3 connections without a login/));
    expect([...sockets.slice(1), newest].map(({ closed }) => closed)).toEqual([false, false, false]);
    expect(await isUp(limited)).toBe(true);
    for (const socket of [...sockets, newest]) socket.destroy();
  });

  it('cannot stop the server with noise', { timeout: 60_000 }, async () => {
    const noisy = await lab({ maxUnauthenticatedPerAddress: 1000 });
    const noises = [
      ...Array.from({ length: 60 }, () => randomBytes(3000)),
      ...Array.from({ length: 60 }, () => Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), randomBytes(3000)])),
      ...Array.from({ length: 256 }, (_, type) =>
        Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), packet(type)]),
      ),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(1_000_000, 'A'),
    ];
    for (const noise of noises) {
      const socket = connect(noisy.port, '127.0.0.1').on('error', () => {});
      await once(socket, 'data');
      await new Promise<void>((resolve) => void socket.end(noise, resolve));
      socket.destroy();
    }
    expect(await isUp(noisy)).toBe(true);
  });
});

describe('a client with a key', () => {
  it('opens at most so many sessions on one connection', async () => {
    const { port } = await lab({ maxSessionsPerConnection: 3 });
    const client = await login(port);
    const open = () =>
      new Promise<ssh2.ClientChannel | undefined>((resolve) =>
        client.exec('wait', (_, channel) => resolve(channel)),
      );
    const channels = [await open(), await open(), await open()];
    expect(channels).not.toContain(undefined);
    expect(await open()).toBeUndefined();
    channels[0]!.close();
    await once(channels[0]!.resume(), 'close');
    expect(await open()).toBeDefined();
    client.end();
  });

  it('gets an answer when it closes a session that ran nothing, and its place back', async () => {
    const { port } = await lab({ maxSessionsPerConnection: 1 });
    const script = `
import os, sys, paramiko
transport = paramiko.Transport(('127.0.0.1', ${port}))
transport.connect(username='u', pkey=paramiko.Ed25519Key.from_private_key_file(sys.argv[1]))
for _ in range(10):
    channel = transport.open_session(timeout=5)
    channel.close()
    while transport._channels.values():
        transport.global_request('ping@example.org', wait=True)
print('done')
sys.stdout.flush()
os._exit(0)
`;
    const { stdout, stderr } = await run('/usr/bin/python3', ['-', ring.file('ed25519')], { input: script });
    expect({ stdout: stdout.toString(), stderr }).toEqual({ stdout: 'done\n', stderr: '' });
  });

  it('cannot stop the server with a packet size of nothing', async () => {
    const started = await lab();
    const client = await login(started.port);
    const { _protocol, _chanMgr } = client as unknown as {
      _protocol: { session(id: number, window: number, packetSize: number): void };
      _chanMgr: { add(onOpen: (error: Error | undefined) => void): number };
    };
    const refused = new Promise<Error | undefined>((resolve) => {
      const id = _chanMgr.add(Object.assign(resolve, { type: 'session' }));
      _protocol.session(id, 2 ** 21, 0);
    });
    expect(await refused).toBeInstanceOf(Error);
    client.end();
    expect(await isUp(started)).toBe(true);
  });

  it('runs one command on a session: a second request there does nothing', async () => {
    const started = await lab();
    const client = await login(started.port);
    const first = await new Promise<ssh2.ClientChannel>((resolve) =>
      client.exec('wait', (_, channel) => resolve(channel)),
    );
    await once(first, 'data');
    const { outgoing } = first as unknown as { outgoing: { id: number } };
    const { _protocol } = client as unknown as { _protocol: { exec(id: number, command: string): void } };
    _protocol.exec(outgoing.id, 'again');
    await new Promise<void>((resolve) =>
      client.exec('x', (_, channel) => channel.resume().on('close', () => resolve())),
    );
    client.end();
    expect(await isUp(started)).toBe(true);
  });

  it('cannot fill the memory by sending more than its window', async () => {
    const { port } = await lab();
    const client = await login(port);
    const closed = new Promise((resolve) => client.on('close', () => resolve(undefined)));
    client.exec('wait', (_, channel) => {
      const { outgoing } = channel as unknown as { outgoing: { id: number } };
      const { _protocol } = client as unknown as {
        _protocol: { channelData(id: number, data: Buffer): void };
      };
      for (let count = 0; count < 200; count++) _protocol.channelData(outgoing.id, Buffer.alloc(32_000));
    });
    await closed;
  });
});

describe('the server', () => {
  it('has a limit of connections', async () => {
    const limited = await lab({ maxConnections: 2 });
    const gaveWay = greet(limited.port).then((stranger) => once(stranger, 'close'));
    const clients = [await login(limited.port), await login(limited.port)];
    // Who has logged in stays.
    await gaveWay;
    await once(connect(limited.port, '127.0.0.1').resume(), 'close');
    await limited.logged(refusal(/more than 2 connections/));
    clients[0]!.end();
    await expect.poll(() => isUp(limited)).toBe(true);
    clients[1]!.end();
  });

  it('accepts nobody after close, goes on with those who are there, and ends them with end', async () => {
    const { server, port, ssh } = await lab();
    const client = start('ssh', [...ssh(), 'h', 'wait']);
    const outcome = outcomeOf(client);
    await once(client.stdout, 'data');
    await server.close();
    const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    expect(client.exitCode).toBeNull();
    await server.end();
    expect((await outcome).code).toBe(255);
    await server.end();
  });

  it('does not wait for a frozen client when it ends', async () => {
    const { server, ssh } = await lab();
    const client = start('ssh', [...ssh(), 'h', 'wait']);
    await once(client.stdout, 'data');
    client.kill('SIGSTOP');
    await server.end();
    client.kill('SIGKILL');
  });

  it('says so when the address is taken, and when the host key is no ed25519 key', async () => {
    const { port } = await lab();
    const options = (address: { host: string; port: number }, hostKey: string) => ({
      address,
      hostKey,
      keys: () => [],
      handle,
      log: { info() {}, warn() {}, error() {} },
    });
    const key = readFileSync(ring.file('ed25519'), 'utf8');
    const taken: Promise<SshServer> = startSshServer(options({ host: '127.0.0.1', port }, key));
    await expect(taken).rejects.toMatchObject({
      code: 'RUNNER_FAILED',
      message: expect.stringContaining('EADDRINUSE') as string,
    });
    if (!existsSync(ring.file('rsa'))) ring.add('rsa', '-t', 'rsa', '-b', '2048');
    const rsa = startSshServer(
      options({ host: '127.0.0.1', port: 0 }, readFileSync(ring.file('rsa'), 'utf8')),
    );
    await expect(rsa).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

/** A TCP connection that the server has greeted. */
async function greet(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'data');
  return socket;
}

async function login(port: number): Promise<ssh2.Client> {
  const client = new ssh2.Client().on('error', () => {});
  client.connect({ host: '127.0.0.1', port, username: 'u', privateKey: readFileSync(ring.file('ed25519')) });
  await once(client, 'ready');
  return client;
}

/** A well-framed packet (RFC 4253 §6) of random content. */
function packet(type: number): Buffer {
  const payload = Buffer.concat([Buffer.from([type]), randomBytes(Math.floor(Math.random() * 200))]);
  const padding = 16 - ((5 + payload.length) % 8);
  const framed = Buffer.alloc(5 + payload.length + padding);
  framed.writeUInt32BE(framed.length - 4);
  framed[4] = padding;
  payload.copy(framed, 5);
  return framed;
}
