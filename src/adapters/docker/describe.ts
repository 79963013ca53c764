import { Failure } from '../../model/errors.js';
import type { EngineDescription } from '../../ports.js';
import { addressOf, type Connection, openStream, requestJson } from './connection.js';
import { withDeadline } from './deadline.js';

/** To say who it is takes an engine milliseconds. */
export const DEADLINE = 5_000;

type Version = { Version: string; ApiVersion: string; Components?: { Name: string }[] };

/** Who answers. `apiVersion` as a number that compares: 1.41 is 141. */
export type EngineIdentity = EngineDescription & { apiVersion: number };

export type BuildkitChoice = 'auto' | 'yes' | 'no';

/** Rejects with ENGINE_UNREACHABLE, also where the engine does not answer within five seconds. */
export async function identifyEngine(
  connection: Connection,
  choice: BuildkitChoice,
  signal?: AbortSignal,
): Promise<EngineIdentity> {
  try {
    return await withDeadline(connection, { ms: DEADLINE, signal }, async (signal) => {
      const ping = await openStream(connection, { method: 'GET', path: '/_ping', signal });
      ping.resume();
      const version = await requestJson<Version>(connection, { method: 'GET', path: '/version', signal });
      return describeVersion(version, ping.headers, choice);
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(connection, error);
  }
}

function unreachable(connection: Connection, error: unknown): Failure {
  if (error instanceof Failure && error.code === 'ENGINE_UNREACHABLE') return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Failure('ENGINE_UNREACHABLE', `the engine at ${addressOf(connection)} answers with: ${why}`, {
    cause: error,
  });
}

/**
 * Podman names itself as a component and, in /_ping, its Libpod version. Docker has BuildKit since API 1.39; `Builder-Version` in
 * /_ping is what the engine would choose itself and missing where its configuration is silent, so it cannot say no.
 */
function describeVersion(
  { Version, ApiVersion, Components = [] }: Version,
  headers: NodeJS.Dict<string | string[]>,
  choice: BuildkitChoice,
): EngineIdentity {
  const podman = 'libpod-api-version' in headers || Components.some(({ Name }) => Name.startsWith('Podman'));
  const [major = 0, minor = 0] = ApiVersion.split('.').map(Number);
  const apiVersion = major * 100 + minor;
  const able = !podman && (headers['builder-version'] === '2' || apiVersion >= 139);
  return {
    name: podman ? 'podman' : 'docker',
    version: Version,
    buildkit: choice !== 'no' && able,
    apiVersion,
  };
}
