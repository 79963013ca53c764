import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Lacks, lacksForEngine } from './adapters/embedded/rights.js';
import { placesOf } from './adapters/embedded/places.js';
import type { Config } from './config.js';
import { Failure } from './model/errors.js';
import { shown } from './model/shown.js';

export type EngineChoice = {
  kind: 'docker' | 'embedded';
  /** For dockerode; empty: DOCKER_HOST, or the default socket. */
  connection: { socketPath?: string };
  /** Why a server must not start with it. */
  refusal?: Failure;
};

/** What tells where an engine could be; the machine's, but for tests. */
export type Machine = { sockets: readonly string[]; lacks: () => Lacks };

/** Where docker itself looks, in this order. */
const SOCKETS = [join(homedir(), '.docker', 'run', 'docker.sock'), '/var/run/docker.sock'];

/** Which engine the runner uses. Asks none of them anything, so it is fit for `help` too. */
export function chooseEngine(
  { engine, dataDirectory }: Pick<Config, 'engine' | 'dataDirectory'>,
  environment: NodeJS.ProcessEnv,
  { sockets, lacks }: Machine = { sockets: SOCKETS, lacks: lacksForEngine },
): EngineChoice {
  const refusal = refuseHost(environment['DOCKER_HOST'] ?? '');
  const docker: EngineChoice = { kind: 'docker', connection: {}, ...(refusal && { refusal }) };
  if (engine === 'docker') return docker;
  if (engine === 'auto' && (environment['DOCKER_HOST'] || sockets.some((path) => existsSync(path))))
    return docker;
  const embedded: EngineChoice = {
    kind: 'embedded',
    connection: { socketPath: placesOf(dataDirectory).socket },
  };
  const lacking = describeLacks(lacks());
  if (lacking === '') return embedded;
  if (engine === 'embedded') return { ...embedded, refusal: noRights(lacking) };
  return { ...docker, refusal: noEngine(lacking) };
}

/** dockerode would dial ssh:// too, and trust whatever host key it is shown. */
function refuseHost(host: string): Failure | undefined {
  if (/^(?:(?:unix|tcp|https?):\/\/.*|[^/]*)$/.test(host)) return undefined;
  return new Failure('CONFIG_INVALID', `DOCKER_HOST is '${shown(host)}', which is no address of an engine`, {
    hint: 'write it like unix:///var/run/docker.sock or tcp://engine.example:2376',
  });
}

function describeLacks({ rights, programs }: Lacks): string {
  const parts = [
    ...(programs.length > 0 ? [`${programs.join(', ')} (not installed)`] : []),
    ...(rights.length > 0 ? [rights.join(', ')] : []),
  ];
  return parts.join(' and ');
}

function noRights(lacking: string): Failure {
  return new Failure('CONFIG_INVALID', `BUILDBOT_ENGINE=embedded lacks ${lacking}`, {
    hint: 'start it as root, a container with --privileged, or use BUILDBOT_ENGINE=docker',
  });
}

function noEngine(lacking: string): Failure {
  return new Failure(
    // It may be on its way: the engine's own service starts beside this one.
    'ENGINE_UNREACHABLE',
    `there is no engine: no socket at ${SOCKETS.at(-1)}, no DOCKER_HOST, and one of its own lacks ${lacking}`,
    {
      hint: 'mount the socket (docker run -v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST',
    },
  );
}
