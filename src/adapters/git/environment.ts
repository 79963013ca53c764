import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepositoryUrl } from '../../model/repository.js';
import type { Credential } from './credential.js';

/** How to trust the forge's host key. */
export type HostKeys = { knownHosts: string; acceptNew: boolean };

const PASSED_ON = ['PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'];

/** For git on the mirror alone: nobody's configuration, no network. */
export function localEnvironment(runner: NodeJS.ProcessEnv, home: string): NodeJS.ProcessEnv {
  return {
    ...pick(runner, PASSED_ON),
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_ALLOW_PROTOCOL: '',
  };
}

/**
 * For git talking to `repository`: its transport alone, this credential alone. Writes what ssh wants as files
 * into `directory`, which is private to the build. The runner's own keys, known hosts, agent and
 * configuration are out of reach.
 */
export async function networkEnvironment(
  runner: NodeJS.ProcessEnv,
  directory: string,
  {
    repository,
    credential,
    hostKeys,
  }: { repository: RepositoryUrl; credential: Credential; hostKeys: HostKeys },
): Promise<NodeJS.ProcessEnv> {
  const pinned = {
    ...localEnvironment(runner, directory),
    ...pick(
      runner,
      PROXIES.flatMap((name) => [name, name.toUpperCase()]),
    ),
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL:
      repository.kind === 'http' || repository.kind === 'https' ? 'http:https' : repository.kind,
  };
  if (repository.kind === 'ssh')
    return { ...pinned, ...(await sshEnvironment(directory, credential, hostKeys)) };
  return { ...pinned, ...webEnvironment(runner, repository, credential) };
}

async function sshEnvironment(
  directory: string,
  credential: Credential,
  { knownHosts, acceptNew }: HostKeys,
): Promise<NodeJS.ProcessEnv> {
  const knownHostsFile = join(directory, 'known_hosts');
  await writeFile(knownHostsFile, knownHosts, { mode: 0o600 });
  const identity = join(directory, 'key');
  if (credential.kind === 'key') await writeFile(identity, keyText(credential.key.reveal()), { mode: 0o600 });
  const settings = {
    BatchMode: 'yes',
    // Without it ssh offers the keys of the user whom the runner runs as.
    IdentityFile: credential.kind === 'key' ? `"${identity}"` : 'none',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    UserKnownHostsFile: `"${knownHostsFile}"`,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: acceptNew ? 'accept-new' : 'yes',
    UpdateHostKeys: 'no',
    ForwardAgent: 'no',
    ConnectTimeout: '15',
    ServerAliveInterval: '15',
    ServerAliveCountMax: '3',
  };
  const words = Object.entries(settings).map(([name, value]) => `-o ${quote(`${name}=${value}`)}`);
  return { GIT_SSH_COMMAND: ['ssh -F /dev/null', ...words].join(' '), GIT_SSH_VARIANT: 'ssh' };
}

/**
 * The token is a credential helper's answer for exactly this origin (gitcredentials(7)), not an
 * http.extraHeader: git sends such a header on to wherever the forge redirects it.
 */
function webEnvironment(
  runner: NodeJS.ProcessEnv,
  { origin }: RepositoryUrl,
  credential: Credential,
): NodeJS.ProcessEnv {
  const settings = [
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '60'],
  ];
  if (credential.kind === 'token') settings.push([`credential.${origin}.helper`, HELPER]);
  return {
    ...(runner['SSL_CERT_FILE'] !== undefined && { GIT_SSL_CAINFO: runner['SSL_CERT_FILE'] }),
    ...(credential.kind === 'token' && {
      BUILDBOT_GIT_USERNAME: credential.username,
      BUILDBOT_GIT_TOKEN: credential.token.reveal().trim(),
    }),
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

const HELPER =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$BUILDBOT_GIT_USERNAME" "$BUILDBOT_GIT_TOKEN"; }; f';

function pick(environment: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

// OpenSSH refuses a key without a line end at its end, and one with line ends of Windows.
function keyText(key: string): string {
  return `${key.replaceAll('\r\n', '\n').trimEnd()}\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
