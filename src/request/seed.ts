import type { GitCredential, RegistryCredentials } from '../model/credentials.js';
import { Failure } from '../model/errors.js';
import { Secret } from '../model/secret.js';
import { parseDockerLogin } from './docker-login.js';
import type { FlagValues } from './parse.js';

export type SeedCredentials = {
  git: GitCredential;
  registries: RegistryCredentials;
  warnings: readonly string[];
};

const VISIBLE = "can be seen by other users of your machine; send a document with '--credentials -' instead";

/** Credentials as function61/buildbot took them: in flags. */
export function seedCredentials(flags: FlagValues): SeedCredentials {
  const key = flags.one('repo-auth-key');
  const logins = flags.all('docker-login-cmd').map(parseDockerLogin);
  return {
    git: key === undefined ? {} : { sshKey: decodeKey(key) },
    registries: new Map(logins.map(({ host, credential }) => [host, credential])),
    warnings: [
      ...(key === undefined ? [] : [`--repo-auth-key ${VISIBLE}`]),
      ...(logins.length === 0 ? [] : [`--docker-login-cmd ${VISIBLE}`]),
      ...(flags.one('docker-login-cache') === undefined
        ? []
        : ['--docker-login-cache is ignored: no login is kept']),
    ],
  };
}

function decodeKey(base64: string): Secret {
  const text = Buffer.from(base64, 'base64').toString();
  if (text.includes('PRIVATE KEY-----')) return new Secret(text);
  throw new Failure('USAGE', '--repo-auth-key is not the base64 of a private key', {
    hint: 'make it with: base64 -w0 < id_ed25519',
  });
}
