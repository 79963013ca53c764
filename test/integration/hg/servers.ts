import { request, type RequestListener } from 'node:http';

/** Hands everything on to the server at `origin`, at `path(url)`. */
export function proxyTo(origin: string, path: (url: string) => string = (url) => url): RequestListener {
  const { hostname, port } = new URL(origin);
  return (incoming, outgoing) => {
    const { method, headers } = incoming;
    const forward = request({ hostname, port, method, headers, path: path(incoming.url ?? '') }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forward);
  };
}
