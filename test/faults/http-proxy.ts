import { once } from 'node:events';
import {
  createServer,
  request as forward,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline, Transform } from 'node:stream';

/** What a server does in place of its work. */
export type Fault =
  | { status: number; headers?: Record<string, string>; body?: string }
  /** Takes the request and says nothing. */
  | 'hang'
  /** Bytes of the request's body, or of the answer's, after which the connection is cut. */
  | { cutRequest: number }
  | { cutAnswer: number }
  /** Milliseconds between two pieces, of either body. */
  | { pause: number };

/** A server on the loopback before a real one, which gets what no fault is put into. */
export interface HttpProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  address: string;
  /** Says for each request what to do about it; undefined: pass it on. */
  fault: (request: IncomingMessage) => Fault | undefined;
  /** `METHOD URL` of all that came, with the time (milliseconds of a clock that nobody sets). */
  seen: { what: string; at: number }[];
  /** Connections that are open now. */
  open(): Promise<number>;
}

/** A proxy to `target` (`HOST:PORT`). The Host header stays, so that locations and signatures hold. */
export async function startHttpProxy(
  target: string,
  fault: HttpProxy['fault'] = () => undefined,
): Promise<HttpProxy> {
  const server = createServer((request, response) => {
    proxy.seen.push({ what: `${request.method} ${request.url}`, at: performance.now() });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const chosen = proxy.fault(request);
    if (chosen === 'hang') request.resume();
    else if (chosen !== undefined && 'status' in chosen) refuse(request, response, chosen);
    else pass(target, { request, response }, chosen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: HttpProxy = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault,
    seen: [],
    open: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

// Reads what is sent, as a server that answers early but properly does.
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers = {}, body = '' }: { status: number; headers?: Record<string, string>; body?: string },
): void {
  request.resume();
  response.writeHead(status, headers).end(body);
}

type Exchange = { request: IncomingMessage; response: ServerResponse };
type BodyFault = { cutRequest: number } | { cutAnswer: number } | { pause: number };

function pass(target: string, { request, response }: Exchange, fault: BodyFault | undefined): void {
  const [host, port] = target.split(':') as [string, string];
  const { method, url: path } = request;
  const headers: IncomingHttpHeaders = request.headers;
  const cut = () => {
    request.socket.destroy();
    onward.destroy();
  };
  const onward = forward({ host, port, method, path, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    pipeline(answer, bodyOf(fault, 'cutAnswer', cut), response, () => undefined);
  });
  onward.on('error', cut);
  pipeline(request, bodyOf(fault, 'cutRequest', cut), onward, () => undefined);
}

function bodyOf(fault: BodyFault | undefined, side: 'cutRequest' | 'cutAnswer', cut: () => void): Transform {
  let left = fault !== undefined && side in fault ? (fault as Record<string, number>)[side]! : Infinity;
  const pause = fault !== undefined && 'pause' in fault ? fault.pause : 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      left -= chunk.length;
      if (left < 0) cut();
      else setTimeout(() => done(null, chunk), pause);
    },
  });
}
