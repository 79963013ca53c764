import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy to `target` (`HOST:PORT`) for a link that breaks on the way. */
export interface LimitedLink extends AsyncDisposable {
  port: number;
  /** Bytes that the server may send in one connection; then nothing comes any more (`stall`), or the link is cut. */
  limit: { bytes: number; how: 'cut' | 'stall' };
  /** Connections that are open now. */
  open(): number;
}

export async function startLimitedLink(target: string, limit: LimitedLink['limit']): Promise<LimitedLink> {
  const [host, port] = target.split(':') as [string, string];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    const far = connect({ host, port: Number(port) });
    for (const socket of [near, far]) keep(socket);
    near.pipe(far).on('close', () => near.destroy());
    near.on('close', () => far.destroy());
    let left = link.limit.bytes;
    far.on('data', (chunk: Buffer) => {
      if (left >= 0) near.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left < 0 && link.limit.how === 'cut') near.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const link: LimitedLink = {
    port: (server.address() as AddressInfo).port,
    limit,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return link;
}
