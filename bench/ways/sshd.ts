import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { quote, run } from '../command.js';
import { freePort, startService, type Service } from '../service.js';
import { addCommand, type World } from '../world.js';

/** What the login's shell needs of our environment. */
const LENT = [
  'PATH',
  'DOCKER_HOST',
  'DOCKER_CONFIG',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_TERMINAL_PROMPT',
];

/** An OpenSSH server that gives a shell, as a build host of people's has; `ssh` in front of PATH knows how to log in. */
export async function startSshd(world: World): Promise<Service & { address: string }> {
  const directory = join(world.directory, 'sshd');
  await mkdir(directory, { recursive: true });
  for (const key of ['host_key', 'key']) await makeKey(join(directory, key));
  const port = await freePort();
  const config = join(directory, 'sshd_config');
  await writeFile(config, await configuration(world, { directory, port }));
  const host = (await readFile(join(directory, 'host_key.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(join(directory, 'known_hosts'), `[127.0.0.1]:${port} ${host}\n`);
  await writeFile(join(directory, 'ssh_config'), clientConfiguration(directory));
  const ssh = (await run('sh', ['-c', 'command -v ssh'])).trim();
  await addCommand(world, 'ssh', `exec ${quote(ssh)} -F ${quote(join(directory, 'ssh_config'))} "$@"`);
  const sshd = (await run('sh', ['-c', 'PATH=$PATH:/usr/sbin:/sbin; command -v sshd'])).trim();
  const service = await startService(sshd, ['-D', '-e', '-f', config], {
    environment: world.environment,
    ready: /Server listening on/,
  });
  return { ...service, address: `${userInfo().username}@127.0.0.1:${port}` };
}

export async function makeKey(path: string): Promise<void> {
  await run('sh', [
    '-c',
    `rm -f ${quote(path)} && ssh-keygen -q -t ed25519 -N '' -C bench -f ${quote(path)}`,
  ]);
}

// sshd_config(5). HOME: the shell reads no .bashrc. PAM where the account is locked: without it not even a key gets in.
async function configuration(world: World, at: { directory: string; port: number }): Promise<string> {
  const { directory, port } = at;
  const lent = LENT.map((name) => `"${name}=${world.environment[name]}"`).join(' ');
  const shadow = await run('getent', ['shadow', userInfo().username]).catch(() => '');
  return `ListenAddress 127.0.0.1:${port}
HostKey ${directory}/host_key
PidFile none
AuthorizedKeysFile ${directory}/key.pub
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM ${shadow.split(':')[1]?.startsWith('!') ? 'yes' : 'no'}
SetEnv "HOME=${directory}" ${lent}
`;
}

const clientConfiguration = (directory: string) => `Host *
  IdentityFile ${directory}/key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${directory}/known_hosts
  LogLevel ERROR
`;
