import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { track } from './children.js';
import type { Environment } from './command.js';

/** A process that runs until it is disposed. */
export interface Service extends AsyncDisposable {
  pid: number;
  /** What matched `ready`. */
  match: RegExpExecArray;
}

type Start = { environment: Environment; directory?: string; ready: RegExp };

/** Starts a program and waits until its output says that it is ready. Rejects when it ends before. */
export async function startService(
  program: string,
  words: readonly string[],
  start: Start,
): Promise<Service> {
  const { environment, directory, ready } = start;
  const child = track(
    spawn(program, words, { cwd: directory, env: environment, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const ended = once(child, 'exit');
  let output = '';
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-64 * 1024);
      const match = ready.exec(output);
      if (match) resolve(match);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(() => reject(new Error(`${program} ${words.join(' ')} ended:\n${output}`)));
  });
  return {
    pid: child.pid!,
    match,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
