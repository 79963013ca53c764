import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { lab } from '../lab/environment.js';
import { run } from './run.js';
import { startRunner, type Runner, type SshOptions } from './runner.js';

/** An ssh-agent of OpenSSH in a process of its own. */
export interface Agent extends AsyncDisposable {
  socket: string;
  /** What makes ssh forward it (-A). */
  forwarded: Pick<SshOptions, 'options' | 'environment'>;
  kill(): Promise<void>;
}

export async function startAgent(...keys: string[]): Promise<Agent> {
  const directory = await mkdtemp(join(tmpdir(), 'buildbot-agent-test-'));
  const socket = join(directory, 'agent');
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  // It says where it listens once it does.
  await once(child.stdout, 'data');
  for (const key of keys) await run('ssh-add', ['-q', key], { env: { SSH_AUTH_SOCK: socket } });
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  };
  return {
    socket,
    forwarded: forwarded(socket),
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** An agent that takes every question and answers none. */
export async function startSilentAgent(): Promise<Omit<Agent, 'kill'> & { asked: Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'buildbot-agent-test-'));
  const socket = join(directory, 'agent');
  const sockets = new Set<Socket>();
  const server = createServer((client) => void sockets.add(client.on('error', () => {}).resume()));
  const asked = once(server, 'connection').then(() => undefined);
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    // With -A, ssh would ask it for keys of its own login.
    forwarded: { options: ['-R', `/agent:${socket}`] },
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const client of sockets) client.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const forwarded = (socket: string) => ({ options: ['-A', '-o', `IdentityAgent=${socket}`] });

/** Copies programs and the libraries that they load into a directory: what an image needs to run them. */
export async function copyPrograms(programs: readonly string[], directory: string): Promise<void> {
  for (const program of programs) {
    const libraries = (await run('ldd', [program])).matchAll(/(?:=> |^\s+)(\/\S+) \(/gm);
    const wanted = [[program, join('/bin', basename(program))] as const].concat(
      [...libraries].map(([, library]) => [library!, library!] as const),
    );
    for (const [from, to] of wanted) {
      await mkdir(dirname(join(directory, to)), { recursive: true });
      await copyFile(from, join(directory, to));
    }
  }
  await mkdir(join(directory, 'etc'), { recursive: true });
  await writeFile(join(directory, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
}

/** Resolves once `check` holds; the test's own timeout is the limit. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await setTimeout(20);
}

/** The first line of a Dockerfile. */
export const base = () => `FROM ${lab('LAB_BASE_IMAGE')}\n`;

/** Environment of a runner that knows the lab's git servers, and has nothing else of them. */
export const forges = () => ({ BUILDBOT_KNOWN_HOSTS: readFileSync(lab('LAB_GIT_KNOWN_HOSTS'), 'utf8') });

/** A runner, and the private keys of its two callers. */
export interface Callers extends AsyncDisposable {
  runner: Runner;
  keys: { alice: string; bob: string };
}

export async function startTwoCallers(): Promise<Callers> {
  const directory = await mkdtemp(join(tmpdir(), 'buildbot-callers-'));
  const keys = { alice: join(directory, 'alice'), bob: join(directory, 'bob') };
  for (const [name, file] of Object.entries(keys)) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  }
  const lines = await Promise.all(Object.values(keys).map((key) => readFile(`${key}.pub`, 'utf8')));
  const runner = await startRunner({ BUILDBOT_AUTHORIZED_KEYS: lines.join(''), ...forges() });
  return {
    runner,
    keys,
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What a runner has left in memory or on disk for commands and builds, and the processes that it has started. */
export async function remains({ pid, data }: Runner): Promise<string[]> {
  const ours = (name: string) => name.startsWith('buildbot-') && name.includes(`-${pid}-`);
  const scratch = await readdir(join(data, 'scratch')).catch(() => []);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return [
    ...(await readdir('/dev/shm')).filter(ours),
    ...scratch.filter(ours),
    ...children.split(' ').filter((child) => child !== ''),
  ];
}
