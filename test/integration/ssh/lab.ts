import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { generateOpenSshKey, parseHostKey } from '../../../src/ssh/hostkey.js';
import { parseAuthorizedKeys } from '../../../src/ssh/keys.js';
import { startSshServer, type SshLimits, type SshServer } from '../../../src/ssh/server.js';
import type { SessionHandler } from '../../../src/ssh/session.js';

export type LogLine = { level: 'info' | 'warn' | 'error'; message: string; fields: Record<string, unknown> };
export type Outcome = { code: number | null; signal: string | null; stdout: Buffer; stderr: string };
export type Client = ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable };

/** Key pairs by ssh-keygen, made once for a test file. */
export type KeyRing = {
  directory: string;
  file: (name: string) => string;
  add: (name: string, ...options: string[]) => string;
};

export function makeKeyRing(): KeyRing {
  const directory = mkdtempSync(join(tmpdir(), 'ssh-lab-'));
  const file = (name: string) => join(directory, name);
  const add = (name: string, ...options: string[]) => {
    execFileSync('ssh-keygen', ['-q', '-N', '', '-C', name, '-f', file(name), ...options]);
    return readFileSync(`${file(name)}.pub`, 'utf8');
  };
  return { directory, file, add };
}

export function dropKeyRing({ directory }: KeyRing): void {
  rmSync(directory, { recursive: true });
}

export type Lab = {
  server: SshServer;
  port: number;
  /** Of the host key. */
  fingerprint: string;
  logs: LogLine[];
  /** Resolves with the first line, past or future, that fits. */
  logged: (fits: (line: LogLine) => boolean) => Promise<LogLine>;
  /** What every ssh of the tests needs, key and port included. */
  ssh: (key?: string) => string[];
};

const hostKey = generateOpenSshKey();

export async function startLab(
  ring: KeyRing,
  {
    handle,
    authorized,
    limits = {},
  }: { handle: SessionHandler; authorized: string; limits?: Partial<SshLimits> },
): Promise<Lab> {
  const logs: LogLine[] = [];
  const waiting = new Set<() => void>();
  const write = (level: LogLine['level']) => (fields: object, message: string) => {
    logs.push({ level, message, fields: { ...fields } });
    for (const look of waiting) look();
  };
  const { keys } = parseAuthorizedKeys(authorized);
  const server = await startSshServer({
    hostKey,
    address: { host: '127.0.0.1', port: 0 },
    keys: () => keys,
    handle,
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    limits,
  });
  const { port } = server.address();
  const logged = (fits: (line: LogLine) => boolean) =>
    new Promise<LogLine>((resolve) => {
      const look = () => {
        const line = logs.find(fits);
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
    });
  const config = join(ring.directory, `config-${port}`);
  writeFileSync(
    config,
    `Host *\n Hostname 127.0.0.1\n Port ${port}\n User anybody\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n` +
      ' GlobalKnownHostsFile /dev/null\n LogLevel ERROR\n IdentitiesOnly yes\n IdentityAgent none\n BatchMode yes\n',
  );
  const { fingerprint } = parseHostKey(hostKey, 'the lab');
  return {
    server,
    port,
    fingerprint,
    logs,
    logged,
    ssh: (key = 'ed25519') => ['-F', config, '-i', ring.file(key)],
  };
}

export function start(command: string, args: string[], options: SpawnOptions = {}): Client {
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options }) as Client;
}

/** Collects what a client prints until it exits. */
export async function outcomeOf(client: ChildProcess): Promise<Outcome> {
  const [stdout, stderr] = [client.stdout, client.stderr].map(collect);
  const [code, signal] = (await once(client, 'close')) as [number | null, string | null];
  return { code, signal, stdout: stdout!(), stderr: stderr!().toString() };
}

/** Runs a client with `input` on its stdin; without one, stdin is /dev/null. */
export async function run(
  command: string,
  args: string[],
  { input }: { input?: Buffer | string } = {},
): Promise<Outcome> {
  const client = start(command, args, input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : {});
  client.stdin?.on('error', () => {}).end(input);
  return await outcomeOf(client);
}

function collect(stream: Readable | null): () => Buffer {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}
