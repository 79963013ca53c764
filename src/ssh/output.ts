import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { Connection } from 'ssh2';
import { whenKeyed } from './brakes.js';
import { socketOf } from './faults.js';
import { gatherWrites } from './gather.js';

const highWaterMark = 64 * 1024;
/** Bytes that may wait in the socket. Some clients (PuTTY) open a window of 2 GiB and rely on TCP alone to slow us down. */
const socketLimit = 256 * 1024;

/**
 * The caller's stdout or stderr over `target`, one side of a channel. A write calls back when the channel took it and the
 * socket is not overfull. What is written in one turn of the event loop leaves in one packet: small packets are slow.
 */
export function openOutput(
  target: Writable,
  options: { connection: Connection; addsReturns: () => boolean },
): Writable {
  const socket = socketOf(options.connection);
  const send = (data: Buffer, done: () => void): void => {
    if (!target.writable) return done();
    target.write(data, () => whenDrained(socket, () => whenKeyed(options.connection, done)));
  };
  const output = new Writable({
    highWaterMark,
    write: (chunk: Buffer, _, done) => send(chunk, done),
    writev: (chunks, done) => send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
  });
  // A late write (after the end) is an error event; unheard, it would end the process.
  output.on('error', () => {});
  gatherWrites(output, setImmediate);
  return withReturns(output, options.addsReturns);
}

function withReturns(output: Writable, addsReturns: () => boolean): Writable {
  const write = output.write.bind(output) as (...given: unknown[]) => boolean;
  output.write = (...given: unknown[]) => {
    const [chunk, ...rest] = given;
    return write(addsReturns() ? addCarriageReturns(chunk as string | Buffer) : chunk, ...rest);
  };
  return output;
}

function whenDrained(socket: Socket, done: () => void): void {
  if (socket.destroyed || socket.writableLength <= socketLimit) return done();
  const settle = (): void => {
    socket.off('drain', settle).off('close', settle);
    done();
  };
  socket.on('drain', settle).on('close', settle);
}

// No tty on our side does it (ONLCR of termios), and the client's terminal is in raw mode.
function addCarriageReturns(data: string | Buffer): string | Buffer {
  if (typeof data === 'string') return data.replaceAll('\n', '\r\n');
  return Buffer.from(data.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
}
