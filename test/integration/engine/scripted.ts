import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createSocketServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lab } from './lab.js';

type Answer = { status: number; body?: object };

/** Docker with BuildKit, as `GET /version` tells it. */
export const dockerVersion = { Version: '20.10.24', ApiVersion: '1.41' };

/** An engine that answers as it is told; undefined: the connection breaks. `requests` are the first lines that it got. */
export async function scriptedEngine(script: (request: string) => Answer | undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'engine-'));
  const socketPath = join(directory, 'docker.sock');
  const requests: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    request.resume().on('end', () => {
      const answer = script(line);
      if (answer === undefined) return void request.socket.destroy();
      response.writeHead(answer.status, { 'Content-Type': 'application/json' });
      response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

/** A way to the engine of the lab that goes silent, for all requests, at the first one that matches. */
export async function freezingEngine(request: RegExp) {
  const directory = await mkdtemp(join(tmpdir(), 'engine-'));
  const socketPath = join(directory, 'docker.sock');
  const sockets = new Set<Socket>();
  let onFrozen!: () => void;
  const frozen = new Promise<void>((resolve) => (onFrozen = resolve));
  let silent = false;
  const server = createSocketServer((socket) => {
    const engine = connect(lab('DOCKER_HOST').replace('unix://', ''));
    for (const end of [socket, engine]) sockets.add(end.on('error', () => undefined));
    engine.pipe(socket);
    socket.on('data', (data) => {
      silent ||= request.test(data.toString('latin1'));
      if (silent) onFrozen();
      else engine.write(data);
    });
    socket.on('close', () => engine.destroy());
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    /** Resolves when the first request has been left without an answer. */
    frozen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}
