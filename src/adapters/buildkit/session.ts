import type { Duplex } from 'node:stream';
import type { LentAgent, RegistryCredentials } from '../../model/credentials.js';
import { canonicalHost } from '../../model/reference.js';
import type { Secret } from '../../model/secret.js';
import { agentMethods } from './agent.js';
import { diffCopy, type Directories } from './filesync.js';
import { type Call, GrpcError, grpcStatus, type Method, serveGrpc } from './grpc.js';
import { asText, readMessage, writeMessage } from './wire.js';

/** What one build lends to the engine for its time. */
type SessionOffer = {
  directories: Directories;
  registries: RegistryCredentials;
  secrets: ReadonlyMap<string, Secret>;
  agent: LentAgent | undefined;
};

/**
 * The methods of a BuildKit session (moby/buildkit, session/). Health is asked every second and must be there; token
 * authorities (Auth/GetTokenAuthority, FetchToken) are left out on purpose: the engine then falls back to Credentials.
 */
export function sessionMethods({
  directories,
  registries,
  secrets,
  agent,
}: SessionOffer): Map<string, Method> {
  return new Map<string, Method>([
    ['/grpc.health.v1.Health/Check', unary(() => writeMessage().integer(1, 1).finish())],
    [
      '/moby.filesync.v1.Auth/Credentials',
      unary((request) => credentialsFor(firstText(request), registries)),
    ],
    [
      '/moby.buildkit.secrets.v1.Secrets/GetSecret',
      unary((request) => secretFor(firstText(request), secrets)),
    ],
    ['/moby.filesync.v1.FileSync/DiffCopy', diffCopy(directories)],
    ...(agent ? agentMethods(agent) : []),
  ]);
}

export type SolveSession = {
  /** What went wrong on our side while the engine asked: the real reason of a build that failed for it. */
  failure(): unknown;
  close(): void;
};

/** Serves `methods` on the upgraded connection until it closes. Closing does not stop the engine's build. */
export function openSolveSession(socket: Duplex, methods: ReadonlyMap<string, Method>): SolveSession {
  let failure: unknown;
  socket.on('error', () => socket.destroy());
  serveGrpc(socket, methods, (error) => (failure ??= error));
  return { failure: () => failure, close: () => void socket.destroy() };
}

function unary(reply: (request: Buffer) => Uint8Array): Method {
  return async ({ messages, send }: Call) => {
    for await (const request of messages) return send(reply(request));
  };
}

function firstText(message: Buffer): string {
  let found = '';
  readMessage(message, (field, value) => {
    if (field === 1) found = asText(value);
  });
  return found;
}

/** CredentialsResponse{1 Username, 2 Secret}; empty: anonymous. An identity token travels as a secret without a name. */
function credentialsFor(host: string, registries: RegistryCredentials): Uint8Array {
  const credential = registries.get(canonicalHost(host));
  if (credential === undefined) return Buffer.alloc(0);
  if (credential.kind === 'identityToken') {
    return writeMessage().text(2, credential.identityToken.reveal()).finish();
  }
  return writeMessage().text(1, credential.username).text(2, credential.password.reveal()).finish();
}

/** GetSecretResponse{1 data}. Not found is an answer: the Dockerfile says whether the secret is required. */
function secretFor(id: string, secrets: ReadonlyMap<string, Secret>): Uint8Array {
  const secret = secrets.get(id);
  if (secret === undefined) throw new GrpcError(grpcStatus.notFound, `secret ${id} not found`);
  return writeMessage().text(1, secret.reveal()).finish();
}
