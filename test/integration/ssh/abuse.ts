import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { uint32, wireString } from '../../../src/ssh/wire.js';
import { peakMemory } from '../../scenarios/memory.js';
import { startRunner, type Runner } from '../../scenarios/runner.js';

/** What no abuse may drive the runner's process over: bytes of its peak memory. At rest some 85 MiB, under all of this some 95. */
export const MOST_MEMORY = 160 * 2 ** 20;

/** Lines of the runner's log with this message. */
export const logged = ({ log }: Runner, message: string) => log.filter(({ msg }) => msg === message);

/** Logs in anew with a real client, several times in turn. */
export async function answersOthers(runner: Runner, times = 3): Promise<string[]> {
  const answers: string[] = [];
  for (let count = 0; count < times; count++) {
    const { code, stdout, stderr } = await runner.ssh('version');
    answers.push(code === 0 && stdout.startsWith('buildbot ') ? 'fine' : `${code}: ${stdout}${stderr}`);
  }
  return answers;
}
export const FINE = ['fine', 'fine', 'fine'];

/** A client with a key that does as it likes. */
export type Hostile = ssh2.Client & {
  _sock: Socket;
  _protocol: {
    _handlers: Record<string, (...given: unknown[]) => void>;
    _packetRW: {
      write: { allocStart: number; alloc(length: number): Buffer; finalize(packet: Buffer): Buffer };
    };
    rekey(): void;
    _cipher: { encrypt(packet: Buffer): void };
  };
};

/** For all tests of a file: one real server, whose memory is looked at behind each test, and the client that this test has put there. */
export function startAbuse(): { runner: Runner; client: Hostile } {
  const abuse = {} as { runner: Runner; client: Hostile };
  beforeAll(async () => {
    abuse.runner = await startRunner();
  });
  afterEach(async () => {
    abuse.client?.destroy();
    expect(await peakMemory(abuse.runner.pid)).toBeLessThan(MOST_MEMORY);
  });
  afterAll(() => abuse.runner[Symbol.asyncDispose]());
  return abuse;
}

export async function logIn(
  { port, directory }: Pick<Runner, 'port' | 'directory'>,
  { kex }: { kex?: string } = {},
): Promise<Hostile> {
  const client = new ssh2.Client().on('error', () => {}) as Hostile;
  const privateKey = readFileSync(join(directory, 'key'));
  const algorithms = kex === undefined ? {} : { algorithms: { kex: [kex as ssh2.KexAlgorithm] } };
  client.connect({ host: '127.0.0.1', port, username: 'u', privateKey, ...algorithms });
  await once(client, 'ready');
  return client;
}

/** Sends packets as they are, behind the back of the library. */
export function send({ _sock, _protocol }: Hostile, payloads: Iterable<Buffer>): void {
  const { write } = _protocol._packetRW;
  _sock.cork();
  for (const payload of payloads) {
    const packet = write.alloc(payload.length);
    packet.set(payload, write.allocStart);
    _protocol._cipher.encrypt(write.finalize(packet));
  }
  _sock.uncork();
}

export function* repeat(count: number, payload: Buffer | ((index: number) => Buffer)): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield typeof payload === 'function' ? payload(index) : payload;
}

const flag = (value: boolean) => Buffer.from([value ? 1 : 0]);

/** RFC 4254 §5.1. */
export const channelOpen = (type: string, sender: number) =>
  Buffer.concat([Buffer.from([90]), wireString(type), uint32(sender), uint32(2 ** 21), uint32(2 ** 15)]);

/** RFC 4254 §5.4: to the channel that the server has opened as `id`. */
export const channelRequest = (
  type: string,
  fields: readonly Buffer[] = [],
  { id = 0, reply = false } = {},
) => Buffer.concat([Buffer.from([98]), uint32(id), wireString(type), flag(reply), ...fields]);

/** RFC 4254 §4. */
export const globalRequest = (name: string, reply: boolean, fields: readonly Buffer[] = []) =>
  Buffer.concat([Buffer.from([80]), wireString(name), flag(reply), ...fields]);

/** A TCP connection that has written `first`; resolves when it stands. */
export async function knock(port: number, first?: Buffer | string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  if (first !== undefined) socket.write(first);
  return socket.resume();
}

/** Connections that are made anew as soon as they are cut, until the answer is called. */
export function besiege(port: number, { count, first }: { count: number; first?: Buffer | string }) {
  let isOver = false;
  let made = 0;
  const sockets = new Set<Socket>();
  const attack = (): void => {
    made += 1;
    const socket = connect(port, '127.0.0.1', () => first !== undefined && socket.write(first));
    sockets.add(socket.on('error', () => {}).resume());
    socket.on('close', () => {
      sockets.delete(socket);
      if (!isOver) setImmediate(attack);
    });
  };
  for (let index = 0; index < count; index++) attack();
  return {
    made: () => made,
    stop: () => {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

export const closed = (from: Hostile) => new Promise<void>((resolve) => from.on('close', () => resolve()));

/** Resolves when the server has worked off all that was sent before. */
export const worksOff = (from: Hostile) =>
  new Promise<void>((resolve) => {
    from._protocol._handlers['REQUEST_FAILURE'] = () => resolve();
    send(from, [globalRequest('last@example.invalid', true)]);
  });
