import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { run, type Environment } from './command.js';

/** What all ways share: the lab's services, one docker client, directories. */
export type World = {
  /** Goes with the lab. */
  directory: string;
  registry: string;
  /** Of bare repositories that the git server serves. */
  repositories: string;
  git: { url: string; username: string; token: string };
  /** PATH begins with the docker client that was chosen. No BUILDBOT_ variable, no configuration of the user. */
  environment: Environment;
};

export async function openWorld(): Promise<World> {
  const directory = join(lab('BUILDBOT_LAB'), 'bench');
  const commands = join(directory, 'bin');
  await mkdir(commands, { recursive: true });
  await symlink(await findDocker(), join(commands, 'docker')).catch(unlessThere);
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('BUILDBOT_'));
  return {
    directory,
    registry: lab('LAB_REGISTRY'),
    repositories: lab('LAB_GIT_ROOT'),
    git: {
      url: `${lab('LAB_GIT_HTTP')}/private`,
      username: lab('LAB_GIT_HTTP_USERNAME'),
      token: lab('LAB_GIT_HTTP_TOKEN'),
    },
    environment: {
      ...Object.fromEntries(inherited),
      PATH: `${commands}${delimiter}${process.env.PATH}`,
      DOCKER_HOST: lab('DOCKER_HOST'),
      DOCKER_CONFIG: join(directory, 'docker'),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
    },
  };
}

/** An executable script in front of PATH. */
export async function addCommand({ directory }: World, name: string, script: string): Promise<void> {
  const path = join(directory, 'bin', name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

// The first docker in PATH that can use BuildKit: from 23 on the client needs its buildx plugin for that.
async function findDocker(): Promise<string> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const docker = join(directory, 'docker');
    const version = await run(docker, ['--version']).catch(() => '');
    const major = Number(/version (\d+)\./.exec(version)?.[1] ?? Infinity);
    if (major < 23 || (await run(docker, ['buildx', 'version']).catch(() => ''))) return docker;
  }
  throw new Error('no docker in PATH that can use BuildKit: install docker-buildx');
}

function lab(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: use 'npm run bench'`);
  return value;
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
