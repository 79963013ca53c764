import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

/** Listens on a free port of loopback until the test ends. */
export async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

export type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: string };
/** Answers one request; left unanswered, the client hangs. */
export type Answer = (request: Received, response: ServerResponse) => void;

export type Receiver = { url: string; received: Received[] };

/** An HTTP server that keeps what it got. The n-th request gets the n-th answer, the last answer over and over. */
export async function receiver(...answers: [Answer, ...Answer[]]): Promise<Receiver> {
  const { listener, received } = recorder(answers);
  return { url: `http://127.0.0.1:${await listen(createHttpServer(listener))}`, received };
}

export async function secureReceiver(identity: Identity, answer: Answer): Promise<Receiver> {
  const { listener, received } = recorder([answer]);
  return { url: `https://127.0.0.1:${await listen(createHttpsServer(identity, listener))}`, received };
}

function recorder(answers: Answer[]) {
  const received: Received[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url: path = '', headers } = request;
    const got = { method, path, headers, body: await text(request) };
    received.push(got);
    answers[Math.min(received.length, answers.length) - 1]!(got, response);
  };
  const listener: RequestListener = (request, response) => void handle(request, response);
  return { listener, received };
}

export function answer(status: number, headers: Record<string, string> = {}, body = ''): Answer {
  return (_, response) => response.writeHead(status, headers).end(body);
}

/** Never answers. */
export const silence: Answer = () => undefined;

/** A port at which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export type Identity = { key: string; cert: string };

/** A self-signed certificate for 127.0.0.1. */
export async function selfSigned(): Promise<Identity> {
  const directory = await mkdtemp(join(tmpdir(), 'certificate-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', cert];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...curve, ...subject, ...files]);
  const [keyText, certText] = await Promise.all([readFile(key, 'utf8'), readFile(cert, 'utf8')]);
  await rm(directory, { recursive: true });
  return { key: keyText, cert: certText };
}
