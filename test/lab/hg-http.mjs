// hg-http.mjs PORT INNER-PORT: what asks for the login, before Mercurial's own server at the other port of the loopback.
// /private/NAME wants basic authentication with the token in LAB_GIT_HTTP_TOKEN, /public/NAME is the same repository
// for everybody. Nobody may push: hg serve does not allow it.
import { createServer, request } from 'node:http';

const [port, inner] = process.argv.slice(2);
const token = process.env.LAB_GIT_HTTP_TOKEN;
if (!port || !inner || !token) throw new Error('usage: LAB_GIT_HTTP_TOKEN=… hg-http.mjs PORT INNER-PORT');

const authorization = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;

createServer((incoming, outgoing) => {
  const { area, path } = /^\/(?<area>private|public)(?<path>\/.*)$/.exec(incoming.url)?.groups ?? {};
  if (path === undefined) return outgoing.writeHead(404).end();
  if (area === 'private' && incoming.headers.authorization !== authorization) {
    return outgoing.writeHead(401, { 'WWW-Authenticate': 'Basic realm="lab"' }).end();
  }
  const { method, headers } = incoming;
  delete headers.authorization;
  const forward = request({ host: '127.0.0.1', port: inner, method, headers, path }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  forward.on('error', (error) => outgoing.destroy(error));
  outgoing.on('close', () => forward.destroy());
  incoming.pipe(forward);
}).listen(Number(port), '127.0.0.1');
