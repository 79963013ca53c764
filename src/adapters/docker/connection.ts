import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import { Failure } from '../../model/errors.js';
import { type Asked, limitRequest, REQUEST } from './request-limits.js';
import { diskFull } from '../buildkit/disk-full.js';
import { socketHint } from './socket-group.js';

/** dockerode's modem dials; it reads DOCKER_HOST, DOCKER_CERT_PATH and so on, and speaks unix, tcp and tls. */
export type Connection = Docker['modem'];

type EngineRequest = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without a version: the newest API that the engine has. */
  path: string;
  query?: Readonly<Record<string, unknown>>;
  headers?: Readonly<Record<string, string | string[]>>;
  /** Body of a POST. */
  json?: object;
  body?: NodeJS.ReadableStream;
  signal?: AbortSignal;
  /** Its answer may take any time, as long as the engine answers others. */
  patient?: true;
};

/** The engine at `where`; what is absent there comes from DOCKER_HOST and its like. Dials when it is first asked something. */
export function connect(where: Docker.DockerOptions = {}): Connection {
  return new Docker(where).modem;
}

/** The engine's answer with a status of 400 and above; `message` is its own words. */
export class EngineError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Whether the engine answered with this status. */
export function isStatus(error: unknown, status: number): boolean {
  return error instanceof EngineError && error.status === status;
}

/**
 * Sends a request and gives the answer's stream as soon as its head is here. Rejects with EngineError, with Failure
 * ENGINE_UNREACHABLE where nobody answers, or ENGINE_FAILED where the connection breaks. An engine that is frozen or gone ends the
 * stream with ENGINE_UNREACHABLE; one that has nothing to say does not.
 */
export async function openStream(connection: Connection, request: EngineRequest): Promise<IncomingMessage> {
  const limits = limitRequest(asked(connection), { what: nameOf(request), signal: request.signal });
  const dialled = dial(connection, { ...request, signal: limits.signal }, { isStream: true });
  const answer = (await limits.until(dialled)) as IncomingMessage;
  limits.follow(answer, answer.socket);
  return answer;
}

/** Sends a request and reads the JSON answer, for which the engine has a minute. Rejects as `openStream`. */
export async function requestJson<T>(connection: Connection, request: EngineRequest): Promise<T> {
  const within = request.patient ? {} : { within: REQUEST };
  const limits = limitRequest(asked(connection), {
    what: nameOf(request),
    signal: request.signal,
    ...within,
  });
  return (await limits.until(dial(connection, { ...request, signal: limits.signal }, {}))) as T;
}

/**
 * Upgrades the connection to another protocol, for which the engine has a minute; what arrived with the upgrade's answer is in the
 * socket again. Like the stream of `openStream`, it ends when the engine is lost.
 */
export async function openUpgraded(connection: Connection, request: EngineRequest): Promise<Duplex> {
  const what = nameOf(request);
  const limits = limitRequest(asked(connection), { what, signal: request.signal, within: REQUEST });
  const dialled = dial(connection, { ...request, signal: limits.signal }, { hijack: true });
  const socket = (await limits.until(dialled)) as Socket;
  limits.follow(socket, socket);
  return socket;
}

/** How to ask whether the engine is there, on a connection of its own. */
export function asked(connection: Connection): Asked {
  return {
    address: addressOf(connection),
    async ask(signal) {
      const request = { method: 'GET', path: '/_ping', signal } as const;
      const answer = (await dial(connection, request, { isStream: true })) as IncomingMessage;
      answer.resume();
    },
  };
}

function nameOf({ method, path }: EngineRequest): string {
  return `${method} ${path}`;
}

/** Where the engine is, for people. */
export function addressOf(connection: Connection): string {
  // Fields of the modem that its types leave out.
  const { socketPath, host, port } = connection as {
    socketPath?: unknown;
    host?: string;
    port?: number | string;
  };
  if (host !== undefined) return `${host}:${port ?? ''}`;
  return typeof socketPath === 'string' ? socketPath : "docker's default socket";
}

function socketOf(connection: Connection): string {
  const { socketPath } = connection as { socketPath?: unknown };
  return typeof socketPath === 'string' ? socketPath : '/var/run/docker.sock';
}

async function dial(connection: Connection, request: EngineRequest, how: object): Promise<unknown> {
  const { method, path, query = {}, headers = {}, json = {}, body, signal } = request;
  return new Promise((resolve, reject) => {
    const options = {
      // The modem takes a query only where the path ends with a question mark, and needs a body to leave out.
      path: Object.keys(query).length > 0 ? `${path}?` : path,
      options: { _query: query, _body: json },
      method,
      headers: { ...headers },
      // 101 is an upgrade; all that is missing here is an error with a message.
      statusCodes: { 101: true, 200: true, 201: true, 204: true },
      ...(body === undefined ? {} : { file: body }),
      ...(signal === undefined ? {} : { abortSignal: signal }),
      ...how,
    };
    connection.dial(options, (error, answer) => {
      if (error) reject(asEngineError(connection, error));
      else resolve(answer);
    });
  });
}

type ModemError = Error & { statusCode?: number; code?: string; json?: { message?: string } | null };

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'EPERM',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);

function asEngineError(connection: Connection, error: ModemError): unknown {
  if (error.statusCode !== undefined) {
    const message = error.json?.message ?? modemText(error.message);
    return diskFull(message) ?? new EngineError(error.statusCode, message);
  }
  if (error.name === 'AbortError') return error;
  return connectionFailure(connection, error);
}

/**
 * The error of a connection that broke or never was, told by its errno, as the caller's failure. Anything else is not the
 * engine's and stays what it is.
 */
export function connectionFailure(connection: Connection, error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error;
  if (!('code' in error) || typeof error.code !== 'string') return error;
  const where = addressOf(connection);
  const { code } = error;
  if (UNREACHABLE.has(code)) {
    const message = `the engine at ${where} cannot be reached (${code})`;
    const hint = code === 'EACCES' ? socketHint(socketOf(connection)) : undefined;
    return new Failure('ENGINE_UNREACHABLE', message, { cause: error, ...(hint !== undefined && { hint }) });
  }
  const message = `the connection to the engine at ${where} broke (${code})`;
  return new Failure('ENGINE_FAILED', message, { cause: error, transient: true });
}

// For streams the modem keeps the answer's message only inside its own sentence.
function modemText(message: string): string {
  return message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}
