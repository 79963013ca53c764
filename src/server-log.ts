import pino, { type Logger } from 'pino';

/** Bytes of lines that a reader has not taken yet; what comes beyond them is dropped. */
const MOST_UNREAD = 2 ** 20;

/**
 * The server's log, JSON lines on stdout. A line that cannot be written is dropped: neither a full disk nor a reader that does not read
 * holds up the server, or its end; on a disk that becomes full half of one may stay. Not pino's own destination, which blocks the process until it can write.
 */
export function createServerLog(
  level: string,
  { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
): Logger {
  // Unheard, an error would end the process.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  return pino(
    { level },
    { write: (line) => void (stdout.writableLength < MOST_UNREAD && stdout.write(line)) },
  );
}
