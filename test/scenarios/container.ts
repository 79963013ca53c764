import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { lab } from '../lab/environment.js';
import { run } from './run.js';
import type { Server } from './runner.js';

/** The user that the image has for the runner. */
export const USER = 2222;

export const socket = () => lab('DOCKER_HOST').replace(/^unix:\/\//, '');
export const socketGroup = async () => (await stat(socket())).gid;

/** What a runner beside an engine can do without: everything but the socket's group and its data directory. */
export const hardened = async () => [
  ...['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
  ...['--user', String(USER), '--group-add', String(await socketGroup())],
];

/** Where the runner in the container finds the engine: mounted where it looks by itself, or where DOCKER_HOST says. */
function engineWords(dockerHost: string | undefined): string[] {
  if (dockerHost !== undefined) return ['--env', `DOCKER_HOST=${dockerHost}`];
  if (process.env['LAB_IMAGE_ENGINE'] !== 'docker-host')
    return ['--volume', `${socket()}:/var/run/docker.sock`];
  return ['--volume', `${socket()}:/engine/it.sock`, '--env', 'DOCKER_HOST=unix:///engine/it.sock'];
}

/** Where the files are that the environment names: as an operator mounts a directory of secrets. */
const directoriesOf = (environment: Record<string, string>) =>
  Object.entries(environment).flatMap(([name, path]) => (name.endsWith('_FILE') ? [dirname(path)] : []));

type Place = { directory: string; environment: Record<string, string> };

/** The runner as a container of `image`, hardened, on the machine's network and in the directory that a process would have. */
export async function serveInContainer(image: string, { directory, environment }: Place): Promise<Server> {
  const { DOCKER_HOST, ...rest } = environment;
  const data = rest['BUILDBOT_DATA_DIR']!;
  const places = new Set([directory, data, ...directoriesOf(rest)]);
  await mkdir(data, { recursive: true });
  // Directories of the scenario's own: others belong to somebody.
  for (const place of places) if (dirname(place) === tmpdir()) await chmod(place, 0o755);
  await chown(data, USER, 0);
  const name = `buildbot-scenario-${randomUUID()}`;
  const words = [
    ...['run', '--rm', '--name', name, '--network', 'host', ...(await hardened())],
    ...[...places].flatMap((place) => ['--volume', `${place}:${place}`]),
    ...engineWords(DOCKER_HOST),
    ...Object.keys(rest).flatMap((variable) => ['--env', variable]),
  ];
  const server = spawn('docker', [...words, image, 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...rest },
  });
  return {
    server,
    findPid: () => processWith(`BUILDBOT_DATA_DIR=${data}`),
    // The client would hand on a TERM, and die of a KILL alone.
    kill: (signal) => run('docker', ['kill', '--signal', signal, name]).then(() => undefined),
  };
}

/** The engine may have a PID namespace of its own, so what it says of pids is no help. */
async function processWith(variable: string): Promise<number> {
  for (;;) {
    for (const pid of await readdir('/proc')) {
      const [environ, cmdline] = await Promise.all(
        ['environ', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      );
      if (cmdline!.startsWith('node\0') && environ!.split('\0').includes(variable)) return Number(pid);
    }
    await setTimeout(20);
  }
}
