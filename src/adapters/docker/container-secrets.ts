import { Failure } from '../../model/errors.js';
import type { Secret } from '../../model/secret.js';

const DIRECTORY = '/run/secrets';
const NAME = /^(?!\.{1,2}$)[\w.-]+$/;
/** A file takes whole pages of its tmpfs; some more are for its directory. */
const PAGE = 4096;

/** No name of a secret: ends what the wrapper reads. */
const END = '/';

/**
 * Stands before the command: makes files of what arrives on stdin, then becomes the command. So values are in memory alone, and in
 * nobody's arguments, environment or configuration. POSIX sh; `read -r` and `printf %s` keep every byte but NUL.
 */
const WRAPPER = `umask 077
while IFS=' ' read -r name lines; do
  if [ "$name" = ${END} ]; then
    umask 022
    exec "$@" </dev/null
  fi
  {
    while [ "$lines" -gt 1 ] && IFS= read -r line; do
      printf '%s\\n' "$line"
      lines=$((lines - 1))
    done
    IFS= read -r line && printf %s "$line"
  } >"${DIRECTORY}/$name" || exit 125
done
exit 125`;

/** Entry point; the command's words follow as arguments. */
export const secretsWrapper = ['/bin/sh', '-c', WRAPPER, 'sh'];

/** What the wrapper reads: per secret a line `NAME COUNT` and COUNT lines, of which the last one's line end is not the value's. */
export function secretsDocument(secrets: ReadonlyMap<string, Secret>): string {
  const files = [...secrets].map(([name, secret]) => {
    const value = secret.reveal();
    return `${name} ${value.split('\n').length}\n${value}\n`;
  });
  return `${files.join('')}${END}\n`;
}

/** A tmpfs in which any user of the image may make files, just large enough. */
export function secretsMount(secrets: ReadonlyMap<string, Secret>): Record<string, string> {
  const pages = [...secrets.values()].map(
    (secret) => Math.ceil(Buffer.byteLength(secret.reveal()) / PAGE) + 1,
  );
  const size = pages.reduce((sum, count) => sum + count, 16) * PAGE;
  return { [DIRECTORY]: `rw,nosuid,nodev,noexec,mode=1777,size=${size}` };
}

/** Throws USAGE for a name that is no file's, CREDENTIALS_INVALID for a value that a shell cannot hold. */
export function checkSecrets(secrets: ReadonlyMap<string, Secret>): void {
  for (const [name, secret] of secrets) {
    if (!NAME.test(name)) {
      throw new Failure('USAGE', `'${name}' cannot name a secret's file: letters, digits, _, . and - can`);
    }
    if (secret.reveal().includes('\0')) {
      throw new Failure('CREDENTIALS_INVALID', `the secret ${name} holds a NUL byte`);
    }
  }
}
