import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import type { KeyRing } from './lab.js';
import { run } from './lab.js';

/** OpenSSH's own server, to compare with: it lets `user` in by the lines of one file. */
export interface Sshd extends AsyncDisposable {
  user: string;
  /** Whether it lets `ssh` in with these arguments, by these lines. */
  admits(authorized: string, args: string[]): Promise<boolean>;
}

export async function startSshd(ring: KeyRing): Promise<Sshd> {
  const user = userInfo().username;
  const port = await freePort();
  ring.add('sshd-host-key', '-t', 'ed25519');
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const [config, keys] = [ring.file('sshd_config'), ring.file('sshd-authorized-keys')];
  writeFileSync(
    config,
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${ring.file('sshd-host-key')}\nAuthorizedKeysFile ${keys}\n` +
      'StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\n',
  );
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(server, 'exit');
  for await (const line of createInterface(server.stderr)) if (line.includes('Server listening')) break;
  server.stderr.resume();
  return {
    user,
    async admits(authorized, args) {
      writeFileSync(keys, authorized);
      return (await run('ssh', ['-o', `Port=${port}`, '-l', user, ...args, 'h', 'true'])).code === 0;
    },
    async [Symbol.asyncDispose]() {
      server.kill();
      await ended;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
