import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDockerContainers } from '../../../src/adapters/docker/containers.js';
import type { RegistryCredentials } from '../../../src/model/credentials.js';
import type { Container, Containers, ContainerSpec, StreamedEntry } from '../../../src/ports.js';
import { baseImage, docker, lab, type Recorder, recorder } from './lab.js';

export const containers = createDockerContainers();

/** A container that is gone when the test is over, and what it says. */
export async function container(
  change: Partial<ContainerSpec> = {},
  { from = containers, registries = new Map(), io = recorder() }: Access = {},
): Promise<Container & { io: Recorder }> {
  return { ...(await from.create(containerSpec(change), { registries, ...io })), io };
}

type Access = { from?: Containers; registries?: RegistryCredentials; io?: Recorder };

export function containerSpec(change: Partial<ContainerSpec>): ContainerSpec {
  return {
    build: `test-${randomUUID()}`,
    image: baseImage(),
    environment: new Map(),
    secrets: new Map(),
    caches: new Map(),
    ...change,
  };
}

/** Containers that the engine has of a build, in any state. */
export async function containersOf(build: string): Promise<string[]> {
  const filters = { label: [`buildbot.build=${build}`] };
  return (await docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
}

/** An entry in a line: `path mode mtime content`, and the like. */
export async function linesOf(entries: AsyncIterable<StreamedEntry>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { entry, chunks } of entries) {
    const content: Uint8Array[] = [];
    for await (const chunk of chunks ?? []) content.push(chunk);
    if (entry.type === 'symlink') lines.push(`${entry.path} -> ${entry.target}`);
    else if (entry.type === 'directory')
      lines.push(`${entry.path}/ ${entry.mode.toString(8)} ${entry.mtime}`);
    else {
      const text = Buffer.concat(content).toString();
      lines.push(`${entry.path} ${entry.mode.toString(8)} ${entry.mtime} ${entry.size} ${text}`);
    }
  }
  return lines;
}

/** Never aborts. */
export const unhindered = new AbortController().signal;

/** A socket that leads to the engine, and calls when a request that begins so has been passed on. */
export async function watchedWay(request: string, onRequest: () => void) {
  const directory = await mkdtemp(join(tmpdir(), 'engine-'));
  const socketPath = join(directory, 'docker.sock');
  let passed = false;
  const server = createServer((socket) => {
    const engine = connect(lab('DOCKER_HOST').replace('unix://', ''));
    for (const end of [socket, engine]) end.on('error', () => undefined);
    engine.pipe(socket).pipe(engine);
    socket.on('data', (data) => {
      if (passed || !data.toString('latin1').startsWith(request)) return;
      passed = true;
      onRequest();
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    passed: () => passed,
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}

export async function temporaryVolume() {
  const name = `test-${randomUUID()}`;
  await docker.createVolume({ Name: name });
  return { name, [Symbol.asyncDispose]: () => docker.getVolume(name).remove() as Promise<void> };
}
