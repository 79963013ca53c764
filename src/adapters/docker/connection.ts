import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import { Failure } from '../../model/errors.js';

/** dockerode's modem dials; it reads DOCKER_HOST, DOCKER_CERT_PATH and so on, and speaks unix, tcp, tls and ssh. */
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
 * ENGINE_UNREACHABLE where nobody answers, or ENGINE_FAILED where the connection breaks.
 */
export async function openStream(connection: Connection, request: EngineRequest): Promise<IncomingMessage> {
  return (await dial(connection, request, { isStream: true })) as IncomingMessage;
}

/** As `openStream`, and reads the JSON answer. */
export async function requestJson<T>(connection: Connection, request: EngineRequest): Promise<T> {
  return (await dial(connection, request, {})) as T;
}

/** Upgrades the connection to another protocol; what arrived with the upgrade's answer is in the socket again. */
export async function openUpgraded(connection: Connection, request: EngineRequest): Promise<Duplex> {
  return (await dial(connection, request, { hijack: true })) as Duplex;
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
    return new EngineError(error.statusCode, error.json?.message ?? modemText(error.message));
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
    return new Failure('ENGINE_UNREACHABLE', message, { cause: error });
  }
  const message = `the connection to the engine at ${where} broke (${code})`;
  return new Failure('ENGINE_FAILED', message, { cause: error, transient: true });
}

// For streams the modem keeps the answer's message only inside its own sentence.
function modemText(message: string): string {
  return message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}
