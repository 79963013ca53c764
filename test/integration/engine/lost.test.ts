import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { baseImage, docker, failureOf, imageSpec, lab, recorder } from './lab.js';

/** A socket that leads to the engine until it is cut. */
async function cuttable() {
  const directory = await mkdtemp(join(tmpdir(), 'engine-'));
  const socketPath = join(directory, 'docker.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(lab('DOCKER_HOST').replace('unix://', ''));
    for (const end of [socket, upstream]) sockets.add(end.on('error', () => undefined));
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    socketPath,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

test.each(['yes', 'no'] as const)(
  'a connection lost in the build (BuildKit: %s) is the engine failing',
  async (buildkit) => {
    await using way = await cuttable();
    const engine = createDockerEngine({ buildkit, connection: { socketPath: way.socketPath } });
    const io = recorder();
    const dockerfile = `FROM ${baseImage()}\nRUN echo run; sleep 30 # ${randomUUID()}`;
    const failed = failureOf(engine.build(imageSpec({ dockerfile }), io));
    await io.seen(/(?:^|\d )run\n/m);
    way.cut();
    expect(await failed).toMatchObject({ code: 'ENGINE_FAILED', exitCode: 69, transient: true });
  },
);

test('a reader that is slow slows the build and loses nothing', async () => {
  const io = recorder();
  const seen: string[] = [];
  const emit = async (event: Parameters<typeof io.emit>[0]) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (event.type === 'log') seen.push(event.text);
  };
  const dockerfile = `FROM ${baseImage()}\nRUN seq 1 20000 # ${randomUUID()}`;
  const spec = imageSpec({ dockerfile });
  const engine = createDockerEngine({ buildkit: 'yes' });
  await engine.build(spec, { ...io, emit });
  const numbers = seen.join('').matchAll(/^#\d+ [\d.]+ (\d+)$/gm);
  expect([...numbers].map(([, number]) => Number(number))).toEqual(
    Array.from({ length: 20000 }, (_, i) => i + 1),
  );
  await docker.getImage(spec.tag).remove();
});
