import { Readable } from 'node:stream';
import type { ServerChannel } from 'ssh2';

const highWaterMark = 64 * 1024;
const CTRL_C = 0x03;

/**
 * The caller's stdin. It ends where the caller ended it, and fails where the caller was lost before: half an archive must
 * not look like a whole one. Unread, it holds the client back.
 */
export function openInput(channel: ServerChannel): Readable {
  const input = new Readable({ highWaterMark, read: () => void channel.resume() });
  channel.on('data', (chunk: Buffer) => {
    if (!input.push(chunk)) channel.pause();
  });
  return endWith(channel, input);
}

/**
 * The same for a terminal: always read, so that Ctrl-C (which arrives as a byte) is seen though nobody reads the rest.
 * What nobody reads is dropped beyond 64 KiB, as a tty does.
 */
export function openTerminalInput(channel: ServerChannel, onInterrupt: () => void): Readable {
  const input = new Readable({ highWaterMark, read() {} });
  channel.on('data', (chunk: Buffer) => {
    if (input.readableLength < highWaterMark) input.push(chunk);
    if (chunk.includes(CTRL_C)) onInterrupt();
  });
  return endWith(channel, input);
}

function endWith(channel: ServerChannel, input: Readable): Readable {
  channel.on('end', () => input.push(null));
  // ssh2 ends the stream of a lost client too, but only afterwards.
  channel.on('gone', () => input.destroy(new Error('the client is gone')));
  // Unheard, it would end the process: a handler need not read its stdin.
  input.on('error', () => {});
  return input;
}
