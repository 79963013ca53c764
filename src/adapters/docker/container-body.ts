import type { ContainerSpec, EngineDescription } from '../../ports.js';
import type { Command } from '../../model/project.js';
import { secretsMount, secretsWrapper } from './container-secrets.js';

/** What each container of the server may use. Absent: no limit. */
export type ContainerLimits = {
  /** Bytes, swap included. */
  memory?: number;
  cpus?: number;
  /** The runner's name, for whoever sweeps after it. */
  runner?: string;
};

/** Label of containers: the runner that made them. */
export const RUNNER_LABEL = 'buildbot.runner';

/** More than any build needs, less than a fork bomb takes. */
const PROCESSES = 4096;

/** Podman without root's rights must be told limits that it has itself; its own defaults are above them. */
const PODMAN_ULIMITS = [
  { Name: 'nofile', Soft: 20_000, Hard: 20_000 },
  { Name: 'nproc', Soft: PROCESSES, Hard: PROCESSES },
];

/** The body of `POST /containers/create` (Engine API, ContainerCreate). */
export function containerBody(
  spec: ContainerSpec,
  { limits, engine }: { limits: ContainerLimits; engine: EngineDescription['name'] },
): object {
  const stdin = spec.secrets.size > 0 || spec.terminal !== undefined;
  return {
    Image: spec.image,
    ...processOf(spec),
    ...(spec.workingDirectory === undefined ? {} : { WorkingDir: spec.workingDirectory }),
    Env: [...spec.environment].map(([name, value]) => `${name}=${value}`),
    ...(spec.terminal === undefined ? {} : { Tty: true }),
    Labels: {
      'buildbot.build': spec.build,
      ...(limits.runner !== undefined && { [RUNNER_LABEL]: limits.runner }),
    },
    Healthcheck: { Test: ['NONE'] },
    AttachStdin: stdin,
    OpenStdin: stdin,
    StdinOnce: stdin,
    HostConfig: hostConfig(spec, limits, engine),
  };
}

function processOf({ command, secrets }: ContainerSpec): { Entrypoint?: string[]; Cmd: string[] } {
  // Never started, but an image without a command of its own makes no container.
  if (command === undefined) return { Cmd: ['-'] };
  const words = wordsOf(command);
  if (secrets.size > 0) return { Entrypoint: secretsWrapper, Cmd: [...words] };
  return { Entrypoint: [words[0]], Cmd: words.slice(1) };
}

function wordsOf(command: Command): readonly [string, ...string[]] {
  return typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
}

function hostConfig(
  { secrets, caches, network }: ContainerSpec,
  { memory, cpus }: ContainerLimits,
  engine: EngineDescription['name'],
): object {
  return {
    // Reaps orphans, and lets TERM end a command that would ignore it as process 1.
    Init: true,
    AutoRemove: false,
    PidsLimit: PROCESSES,
    ...(network === undefined ? {} : { NetworkMode: network }),
    // The log goes to the caller; kept by the engine as well it would fill the disk.
    LogConfig: { Type: 'none' },
    ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(secrets.size === 0 ? {} : { Tmpfs: secretsMount(secrets) }),
    ...(engine === 'podman' ? { Ulimits: PODMAN_ULIMITS } : {}),
    Mounts: [...caches].map(([volume, path]) => ({ Type: 'volume', Source: volume, Target: path })),
  };
}
