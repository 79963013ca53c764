import type { RepositoryUrl } from '../../model/repository.js';
import type { Credential } from '../vcs/credential.js';
import { basicEnvironment, proxyEnvironment, WEB_SILENCE } from '../vcs/environment.js';
import { sshCommand, type HostKeys } from '../vcs/ssh.js';

/** For git on the mirror alone: nobody's configuration, no network. */
export function localEnvironment(runner: NodeJS.ProcessEnv, home: string): NodeJS.ProcessEnv {
  return {
    ...basicEnvironment(runner, home),
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
    ...proxyEnvironment(runner),
    GIT_TERMINAL_PROMPT: '0',
    // git-lfs asks nobody which protocols are allowed.
    GIT_SSH_COMMAND: 'false',
    ...(runner['SSL_CERT_FILE'] !== undefined && { GIT_SSL_CAINFO: runner['SSL_CERT_FILE'] }),
    GIT_ALLOW_PROTOCOL:
      repository.kind === 'http' || repository.kind === 'https' ? 'http:https' : repository.kind,
  };
  if (repository.kind === 'ssh') {
    const GIT_SSH_COMMAND = await sshCommand(directory, credential, hostKeys);
    return { ...pinned, GIT_SSH_COMMAND, GIT_SSH_VARIANT: 'ssh' };
  }
  return { ...pinned, ...webEnvironment(repository, credential) };
}

/**
 * The token is a credential helper's answer for exactly this origin (gitcredentials(7)), not an
 * http.extraHeader: git sends such a header on to wherever the forge redirects it.
 */
function webEnvironment({ origin }: RepositoryUrl, credential: Credential): NodeJS.ProcessEnv {
  const settings = [
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', String(WEB_SILENCE)],
  ];
  if (credential.kind === 'token') settings.push([`credential.${origin}.helper`, HELPER]);
  return {
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
