import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, request, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { lab } from './lab.js';

/** Listens on a free port until the test ends; gives the port. */
async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

export async function tcpServer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  return await listen(
    createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      onConnection(socket);
    }),
  );
}

export async function httpServer(listener: RequestListener): Promise<number> {
  const server = createHttpServer(listener);
  onTestFinished(() => server.closeAllConnections());
  return await listen(server);
}

/** A port at which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Hands everything on to the git server of the lab, at `path(url)`. */
export function proxyToLab(path: (url: string) => string = (url) => url): RequestListener {
  const { hostname, port } = new URL(lab.http);
  return (incoming, outgoing) => {
    const { method, headers } = incoming;
    const forward = request({ hostname, port, method, headers, path: path(incoming.url ?? '') }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forward);
  };
}

/**
 * git's own http-backend over the lab's repositories, with a configuration that only its owner may give it.
 */
export function httpBackend(configuration: Record<string, string>): RequestListener {
  const entries = Object.entries(configuration);
  const settings = entries.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${i}`, key],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  return (incoming, outgoing) => {
    const { pathname, search } = new URL(incoming.url ?? '', 'http://host');
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: lab.root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: incoming.method,
        CONTENT_TYPE: incoming.headers['content-type'],
        HTTP_CONTENT_ENCODING: incoming.headers['content-encoding'],
        GIT_PROTOCOL: incoming.headers['git-protocol'] as string,
        GIT_CONFIG_COUNT: String(entries.length),
        ...Object.fromEntries(settings),
      },
    });
    incoming.pipe(backend.stdin.on('error', () => undefined));
    // The backend's headers become the connection's own; a status line is all that CGI leaves out.
    outgoing.socket?.write('HTTP/1.0 200 OK\r\n');
    if (outgoing.socket) backend.stdout.pipe(outgoing.socket);
  };
}
