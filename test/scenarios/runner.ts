import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { serveInContainer } from './container.js';
import { peakMemory } from './memory.js';
import { run } from './run.js';

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;
export type Output = { code: number; stdout: string; stderr: string };

/** What runs, and how it is found and ended. */
export type Server = {
  server: ChildProcessByStdio<null, Readable, null>;
  findPid: () => Promise<number>;
  kill: (signal: NodeJS.Signals) => Promise<void>;
};

/**
 * A real runner: `bin/buildbot serve` in a process of its own, with a data directory and a key of its own. Where LAB_IMAGE names an image
 * (test/lab/image), a container of that.
 */
export interface Runner extends AsyncDisposable {
  directory: string;
  data: string;
  port: number;
  pid: number;
  /** Bytes of its peak memory when it was ready. */
  atRest: number;
  /** What the server has logged so far, a parsed line each. */
  log: Record<string, unknown>[];
  /** A real OpenSSH client, to its end. */
  ssh(command: string, options?: SshOptions): Promise<Output>;
  /** The same, while it runs. */
  open(command: string, options?: SshOptions): Child;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export type SshOptions = {
  input?: string | Uint8Array;
  key?: string;
  options?: readonly string[];
  environment?: Record<string, string>;
};

export async function startRunner(environment: Record<string, string> = {}): Promise<Runner> {
  const directory = await mkdtemp(join(tmpdir(), 'buildbot-scenario-'));
  const key = join(directory, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'scenario', '-f', key]);
  const data = join(directory, 'data');
  const image = process.env['LAB_IMAGE'];
  const settings = {
    BUILDBOT_AUTHORIZED_KEYS: await readFile(`${key}.pub`, 'utf8'),
    BUILDBOT_DATA_DIR: data,
    BUILDBOT_SSH_ADDRESS: '127.0.0.1:0',
    ...environment,
  };
  const { server, findPid, kill } = image
    ? await serveInContainer(image, { directory, environment: settings })
    : serveHere(settings);
  const ended = once(server, 'exit') as Promise<[number | null]>;
  const { log, port } = await ready(server.stdout, ended);
  const config = join(directory, 'ssh_config');
  await writeFile(config, sshConfig({ port, key, directory }));
  const argumentsOf = (command: string, { key: other, options = [] }: SshOptions) => [
    ...['-F', config],
    ...(other === undefined ? [] : ['-o', `IdentityFile=${other}`]),
    ...options,
    'buildbot',
    ...(command === '' ? [] : [command]),
  ];
  const open = (command: string, options: SshOptions = {}): Child => {
    const child = spawn('ssh', argumentsOf(command, options), {
      stdio: 'pipe',
      env: { ...process.env, ...options.environment },
    });
    child.stdin.on('error', () => undefined);
    if (options.input !== undefined) child.stdin.end(options.input);
    return child;
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (server.exitCode === null && server.signalCode === null) await kill(signal);
    const [code] = await ended;
    return code;
  };
  const pid = await findPid();
  return {
    directory,
    data,
    port,
    pid,
    atRest: await peakMemory(pid),
    log,
    open,
    ssh: (command, options = {}) => outputOf(open(command, { input: '', ...options })),
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function serveHere(environment: Record<string, string>): Server {
  const server = spawn('bin/buildbot', ['serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  return {
    server,
    findPid: () => Promise.resolve(server.pid!),
    kill: (signal) => Promise.resolve(void server.kill(signal)),
  };
}

/** Everything that a client wrote, and its exit code. */
export async function outputOf(child: Child): Promise<Output> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ]);
  if (code === null) throw new Error(`ssh was ended by ${signal}`);
  return { code, stdout, stderr };
}

async function ready(
  stdout: Readable,
  ended: Promise<unknown>,
): Promise<{ log: Record<string, unknown>[]; port: number }> {
  const log: Record<string, unknown>[] = [];
  const listening = new Promise<number>((resolve) => {
    createInterface(stdout).on('line', (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      log.push(entry);
      if (entry.msg === 'ready') resolve(Number((entry.address as string).split(':').at(-1)));
    });
  });
  const port = await Promise.race([listening, ended.then(() => undefined)]);
  if (port === undefined) throw new Error(`the runner did not start: ${JSON.stringify(log)}`);
  return { log, port };
}

function sshConfig({ port, key, directory }: { port: number; key: string; directory: string }): string {
  return `Host buildbot
  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${key}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${join(directory, 'known_hosts')}
  StrictHostKeyChecking accept-new
  LogLevel ERROR
`;
}
