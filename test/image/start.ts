import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run } from '../scenarios/run.js';
import { outputOf, type Child, type Output } from '../scenarios/runner.js';

/** A container of the image as an operator starts it, with a key that may build. */
export interface Container extends AsyncDisposable {
  name: string;
  open: (command: string, input: string | Uint8Array) => Child;
  ssh(command: string, input: string | Uint8Array): Promise<Output>;
}

/** `docker run -d FLAGS IMAGE`. `-e SSH_PUBKEY_IN_INITIATE_BUILDS` or another variable of that value hands over the key. */
export async function startContainer(image: string, flags: readonly string[]): Promise<Container> {
  const directory = await mkdtemp(join(tmpdir(), 'buildbot-image-'));
  const key = join(directory, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const name = `buildbot-image-${randomUUID()}`;
  const publicKey = await readFile(`${key}.pub`, 'utf8');
  await run('docker', ['run', '-d', '--name', name, ...flags, image], {
    env: { SSH_PUBKEY_IN_INITIATE_BUILDS: publicKey },
  });
  const { host, port } = await ready(name);
  const words = ['-F', 'none', '-i', key, '-p', port, '-o', 'IdentitiesOnly=yes', '-o', 'LogLevel=ERROR'];
  const known = ['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${join(directory, 'hosts')}`];
  const open = (command: string, input: string | Uint8Array) => {
    const child = spawn('ssh', [...words, ...known, `root@${host}`, command], { stdio: 'pipe' });
    child.stdin.on('error', () => undefined).end(input);
    return child;
  };
  return {
    name,
    open,
    ssh: (command, input) => outputOf(open(command, input)),
    async [Symbol.asyncDispose]() {
      await run('docker', ['rm', '--force', '--volumes', name]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Where it listens, once it does: its own address where it has a network of its own. */
async function ready(name: string): Promise<{ host: string; port: string }> {
  const logs = spawn('docker', ['logs', '--follow', name], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  logs.stderr.on('data', (data: Buffer) => said.push(data.toString()));
  for await (const line of createInterface(logs.stdout)) {
    said.push(line);
    const { msg, address } = JSON.parse(line) as { msg?: string; address?: string };
    if (msg !== 'ready') continue;
    logs.kill();
    const own = await run('docker', ['inspect', '--format', '{{.NetworkSettings.IPAddress}}', name]);
    return { host: own.trim() || '127.0.0.1', port: address!.split(':').at(-1)! };
  }
  throw new Error(`${name} did not start: ${said.join('\n')}`);
}
