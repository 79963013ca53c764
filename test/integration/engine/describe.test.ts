import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { docker, failureOf, imageSpec, recorder } from './lab.js';

const never = new AbortController().signal;

/** A socket in a directory of its own, gone when the test is. */
async function listen(onConnection: (socket: Socket) => void) {
  const directory = await mkdtemp(join(tmpdir(), 'engine-'));
  const socketPath = join(directory, 'docker.sock');
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

test('says who answers', async () => {
  const { Version } = await docker.version();
  const expected = { name: 'docker', version: Version };
  expect(await createDockerEngine({ buildkit: 'auto' }).describe(never)).toEqual({
    ...expected,
    buildkit: true,
  });
  expect(await createDockerEngine({ buildkit: 'no' }).describe(never)).toEqual({
    ...expected,
    buildkit: false,
  });
});

test('an engine that is not there is unreachable, with address and errno', async () => {
  const engine = createDockerEngine({ buildkit: 'auto', connection: { socketPath: '/nowhere/docker.sock' } });
  const calls = [engine.describe(never), engine.build(imageSpec({ dockerfile: 'FROM scratch' }), recorder())];
  for (const call of calls) {
    const failure = await failureOf(call);
    expect(failure).toMatchObject({ code: 'ENGINE_UNREACHABLE', exitCode: 69 });
    expect(failure.message).toMatch(/\/nowhere\/docker\.sock .*ENOENT/);
  }
});

test('an engine that accepts and never answers is unreachable after a deadline', async () => {
  await using silent = await listen(() => undefined);
  const engine = createDockerEngine({ buildkit: 'auto', connection: { socketPath: silent.socketPath } });
  const failure = await failureOf(engine.describe(never));
  expect(failure.code).toBe('ENGINE_UNREACHABLE');
  expect(failure.message).toContain('did not answer within 5 s');
}, 10_000);

test('Podman is told from Docker and has no BuildKit', async () => {
  const version = { Version: '4.3.1', ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] };
  await using podman = await listen((socket) => {
    socket.on('data', (data) => {
      const body = data.toString().includes('/version') ? JSON.stringify(version) : 'OK';
      const head = `Libpod-Api-Version: 4.3.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`);
    });
  });
  const engine = createDockerEngine({ buildkit: 'yes', connection: { socketPath: podman.socketPath } });
  expect(await engine.describe(never)).toEqual({ name: 'podman', version: '4.3.1', buildkit: false });
});
