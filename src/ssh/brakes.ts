import type { Connection } from 'ssh2';
import type { ConnectionInternals } from './internals.js';

export const brakeLimits = {
  /** Bytes of answers that may wait in the socket: more, and nothing further is read from a client that does not read. */
  unreadBytes: 1024 * 1024,
  /** Key exchanges of one connection that cost it nothing. OpenSSH has one for each GiB or hour. */
  freeKeyExchanges: 16,
  /** Milliseconds that a client waits for after each further one: one costs us some 10 ms in which nobody is served. */
  keyExchangePauseMs: 100,
};

/**
 * To be called once for each connection, in the server's `connection` event. ssh2 answers requests and key exchanges as fast as they
 * come, also where nobody fetches the answers.
 */
export function brakeFloods(connection: Connection): void {
  const { _sock: socket } = connection as ConnectionInternals;
  const holds = new Set<string>();
  const hold = (why: string): void => {
    holds.add(why);
    socket.pause();
  };
  const release = (why: string): void => {
    if (holds.delete(why) && holds.size === 0) socket.resume();
  };
  socket.on('data', () => {
    if (socket.writableLength > brakeLimits.unreadBytes) hold('unread answers');
  });
  socket.on('drain', () => release('unread answers'));
  let exchanges = 0;
  let pause: NodeJS.Timeout | undefined;
  connection.on('rekey', () => {
    exchanges += 1;
    if (exchanges <= brakeLimits.freeKeyExchanges) return;
    clearTimeout(pause);
    hold('key exchanges');
    pause = setTimeout(() => release('key exchanges'), brakeLimits.keyExchangePauseMs);
  });
  socket.on('close', () => clearTimeout(pause));
}

/**
 * Calls back when what is sent would not wait for the end of a key exchange: ssh2 keeps all of it in memory until then, and the client
 * need never end it.
 */
export function whenKeyed(connection: Connection, done: () => void): void {
  const { _protocol, _sock: socket } = connection as ConnectionInternals;
  if (_protocol._kexinit === undefined || socket.destroyed) return done();
  const settle = (): void => {
    connection.off('rekey', settle).off('close', settle);
    done();
  };
  connection.on('rekey', settle).on('close', settle);
}
