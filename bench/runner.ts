import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startService } from './service.js';
import { makeKey } from './ways/sshd.js';
import type { World } from './world.js';

/** A real runner, `bin/buildbot serve`, with a data directory of its own. */
export interface Runner extends AsyncDisposable {
  pid: number;
  /** What comes before the command on the command line of `ssh`. */
  login: readonly string[];
}

export async function startRunner(world: World, settings: Record<string, string> = {}): Promise<Runner> {
  const directory = await mkdtemp(join(world.directory, 'runner-'));
  const key = join(directory, 'key');
  await makeKey(key);
  const service = await startService('bin/buildbot', ['serve'], {
    environment: {
      ...world.environment,
      BUILDBOT_AUTHORIZED_KEYS: await readFile(`${key}.pub`, 'utf8'),
      BUILDBOT_DATA_DIR: join(directory, 'data'),
      BUILDBOT_SSH_ADDRESS: '127.0.0.1:0',
      ...settings,
    },
    ready: /"address":"127\.0\.0\.1:(\d+)".*"msg":"ready"/,
  });
  const config = join(directory, 'ssh_config');
  await writeFile(config, clientConfiguration(directory, service.match[1]!));
  return {
    pid: service.pid,
    login: ['-F', config, 'buildbot'],
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const clientConfiguration = (directory: string, port: string) => `Host buildbot
  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${directory}/key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${directory}/known_hosts
  StrictHostKeyChecking accept-new
  LogLevel ERROR
`;
