import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A link that can be cut without either side being told: TCP stays up, and nothing arrives any more. */
export interface Proxy extends AsyncDisposable {
  port: number;
  /** `127.0.0.1:PORT`. */
  address: string;
  /** From now on nothing passes, on old connections and new ones; nothing is closed. */
  freeze(): void;
  /** What was held goes on, in order. */
  thaw(): void;
  /** Resolves with the first connection that comes, or has come, after the last `freeze`. */
  held(): Promise<void>;
}

/** A TCP proxy on the loopback to `target` (`HOST:PORT`); `frozen` from the start but for the first `passing` connections. */
export async function startProxy(target: string, { frozen = false, passing = 0 } = {}): Promise<Proxy> {
  const [host, port] = target.split(':') as [string, string];
  const sockets = new Set<Socket>();
  const waiters: (() => void)[] = [];
  let [isFrozen, held] = [frozen, false];
  let come = 0;
  const keep = (socket: Socket, passes: boolean) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    if (isFrozen && !passes) socket.pause();
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host, port: Number(port), allowHalfOpen: true });
    near.pipe(far).on('close', () => near.destroy());
    far.pipe(near).on('close', () => far.destroy());
    const passes = ++come <= passing;
    for (const socket of [near, far]) keep(socket, passes);
    if (!isFrozen || passes) return;
    held = true;
    for (const resolve of waiters.splice(0)) resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    port: own,
    address: `127.0.0.1:${own}`,
    freeze() {
      [isFrozen, held] = [true, false];
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      isFrozen = false;
      for (const socket of sockets) socket.resume();
    },
    held: () => (held ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
