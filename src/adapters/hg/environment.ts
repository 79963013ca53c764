import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepositoryUrl } from '../../model/repository.js';
import type { Credential } from '../vcs/credential.js';
import { basicEnvironment, proxyEnvironment, WEB_SILENCE } from '../vcs/environment.js';
import { sshCommand, type HostKeys } from '../vcs/ssh.js';

/** For hg on the cache alone: nobody's configuration, hooks, aliases or extensions, no network. */
export function localEnvironment(runner: NodeJS.ProcessEnv, home: string): NodeJS.ProcessEnv {
  return {
    ...basicEnvironment(runner, home),
    HGRCPATH: '',
    HGRCSKIPREPO: '1',
    HGPLAIN: '1',
    HGENCODING: 'UTF-8',
  };
}

export type HgAccess = { repository: RepositoryUrl; credential: Credential; hostKeys: HostKeys };

/**
 * For hg talking to `repository` with this credential alone. Writes the credential, and the configuration that names
 * it, into `directory`, which is private to the build: on a command line everybody on the machine would see it.
 */
export async function networkEnvironment(
  runner: NodeJS.ProcessEnv,
  directory: string,
  access: HgAccess,
): Promise<NodeJS.ProcessEnv> {
  const file = join(directory, 'hgrc');
  const lines = [...ALWAYS, ...(await accessSettings(runner, directory, access))];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  const { credential } = access;
  return {
    ...localEnvironment(runner, directory),
    ...proxyEnvironment(runner),
    HGRCPATH: file,
    // hg expands variables and `~` in this value, once; so it gets one to expand.
    ...(credential.kind === 'token' && { BUILDBOT_HG_USERNAME: credential.username }),
  };
}

/** A server may name bundles at addresses of its choice, which hg would fetch: hg help config.ui. */
const ALWAYS = ['[ui]', 'interactive = no', 'clonebundles = no', '[http]', `timeout = ${WEB_SILENCE}`];

async function accessSettings(
  runner: NodeJS.ProcessEnv,
  directory: string,
  { repository, credential, hostKeys }: HgAccess,
): Promise<string[]> {
  if (repository.kind === 'ssh')
    return ['[ui]', `ssh = ${await sshCommand(directory, credential, hostKeys)}`];
  const certificates = runner['SSL_CERT_FILE'];
  const trust = certificates === undefined ? [] : ['[web]', `cacerts = ${certificates}`];
  if (credential.kind !== 'token') return trust;
  return [
    ...trust,
    '[auth]',
    // hg compares the beginnings of URLs, of the one to which a redirect leads too.
    `buildbot.prefix = ${repository.origin}/`,
    'buildbot.username = ${BUILDBOT_HG_USERNAME}',
    `buildbot.password = ${credential.token.reveal().trim()}`,
  ];
}
