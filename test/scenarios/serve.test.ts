import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.js';

/** An address of the loopback on which nobody else looks for a free port. */
const HOST = `127.${process.pid & 127}.${(process.pid >> 7) & 127}.7`;

let directory: string;
let key: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'buildbot-serve-'));
  key = join(directory, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** `bin/buildbot serve` with its log at a file descriptor of the test's choice; resolves when it greets. */
async function serveInto(log: number) {
  const port = await freePort();
  const server = spawn('bin/buildbot', ['serve'], {
    stdio: ['ignore', log, 'inherit'],
    env: {
      ...process.env,
      BUILDBOT_AUTHORIZED_KEYS_FILE: `${key}.pub`,
      BUILDBOT_DATA_DIR: join(directory, 'data'),
      BUILDBOT_SSH_ADDRESS: `${HOST}:${port}`,
    },
  });
  const ended = once(server, 'exit') as Promise<[number | null]>;
  await expect
    .poll(() => greets(port), { timeout: 30_000 })
    .toBe(true)
    .catch((error: unknown) => {
      server.kill('SIGKILL');
      throw error;
    });
  return {
    version: async () => {
      const words = [
        ...['-F', 'none', '-i', key, '-o', 'IdentitiesOnly=yes', '-p', String(port), '-o', 'LogLevel=ERROR'],
        ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', HOST, 'version'],
      ];
      return await run('ssh', words);
    },
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      server.kill(signal);
      return (await ended)[0];
    },
    [Symbol.dispose]: () => void server.kill('SIGKILL'),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function greets(port: number): Promise<boolean> {
  const socket = connect(port, HOST);
  try {
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('a server whose log', () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)('finds no room serves, and ends well at %s', async (signal) => {
    const full = openSync('/dev/full', 'w');
    using server = await serveInto(full);
    closeSync(full);
    expect(await server.version()).toMatch(/^buildbot /);
    expect(await server.stop(signal)).toBe(0);
  });

  it('is not read serves, goes on with it when it is, and does not wait for it at the end', async () => {
    const path = join(directory, 'log');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    fill(pipe);
    using server = await serveInto(pipe);
    expect(await server.version()).toMatch(/^buildbot /);
    let seen = '';
    await expect.poll(() => (seen += empty(pipe))).toMatch(/"msg":"ready"[^]*"msg":"command"/);
    fill(pipe);
    expect(await server.stop()).toBe(0);
    closeSync(pipe);
  });
});

function fill(pipe: number): void {
  untilItWouldBlock(() => writeSync(pipe, '\n'.repeat(4_096)));
}

function empty(pipe: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = '';
  untilItWouldBlock(() => (text += buffer.toString('utf8', 0, readSync(pipe, buffer))));
  return text;
}

function untilItWouldBlock(act: () => void): void {
  try {
    for (;;) act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}
