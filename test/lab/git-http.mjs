// git-http.mjs PORT REPOSITORIES: git's own http-backend as CGI (RFC 3875) on the loopback.
// /private/NAME.git wants basic authentication with the token in LAB_GIT_HTTP_TOKEN, /public/NAME.git is the same
// repository for everybody, who may fetch but not push.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream';

const [port, root] = process.argv.slice(2);
const token = process.env.LAB_GIT_HTTP_TOKEN;
if (!port || !root || !token) throw new Error('usage: LAB_GIT_HTTP_TOKEN=… git-http.mjs PORT REPOSITORIES');

const username = 'x-access-token';
const authorization = `Basic ${Buffer.from(`${username}:${token}`).toString('base64')}`;
const longestHead = 64 * 1024;

createServer((request, response) => {
  const { area, path, query } =
    /^\/(?<area>private|public)(?<path>\/[\w./-]*)(\?(?<query>.*))?$/.exec(request.url)?.groups ?? {};
  if (path === undefined) return refuse(response, 404, {});
  const authorized = request.headers.authorization === authorization;
  if (area === 'private' && !authorized)
    return refuse(response, 401, { 'WWW-Authenticate': 'Basic realm="lab"' });
  serve(request, response, { path, query, user: area === 'private' ? username : undefined });
}).listen(Number(port), '127.0.0.1');

function refuse(response, status, headers) {
  response.writeHead(status, headers).end();
}

function serve(request, response, { path, query, user }) {
  const backend = spawn('git', ['http-backend'], {
    env: environment(request, { path, query, user }),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  backend.on('error', (error) => response.destroy(error));
  // The backend may answer before it has read everything; what is left over is no error of ours.
  pipeline(request, backend.stdin, () => {});
  response.on('close', () => response.writableFinished || backend.kill());
  answer(backend.stdout, response);
}

/** git-http-backend(1); an absent CONTENT_LENGTH (a chunked body) makes it read to the end. */
function environment({ method, headers, socket }, { path, query, user }) {
  const variables = {
    PATH: process.env.PATH,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROJECT_ROOT: root,
    PATH_INFO: path,
    QUERY_STRING: query ?? '',
    REMOTE_ADDR: socket.remoteAddress,
    REMOTE_USER: user,
    REQUEST_METHOD: method,
    CONTENT_TYPE: headers['content-type'],
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    GIT_PROTOCOL: headers['git-protocol'],
  };
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));
}

/** Head of a CGI answer, then the body as it comes. */
function answer(output, response) {
  let head = Buffer.alloc(0);
  const onData = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0 && head.length < longestHead) return;
    output.off('data', onData).off('end', onEnd).pause();
    if (end < 0) return refuse(response, 502, {});
    writeHead(response, head.toString('latin1', 0, end));
    response.write(head.subarray(end + 4));
    pipeline(output, response, () => {});
  };
  const onEnd = () => refuse(response, 502, {});
  output.on('data', onData).on('end', onEnd);
}

function writeHead(response, head) {
  let status = 200;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.appendHeader(name, value);
  }
  response.writeHead(status);
}
