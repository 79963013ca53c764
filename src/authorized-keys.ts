import { readFileSync, statSync } from 'node:fs';
import type { Config } from './config.js';
import { Failure } from './model/errors.js';
import { checkRights } from './request/rights.js';
import { parseAuthorizedKeys, type AuthorizedKey } from './ssh/keys.js';
import type { ServerLog } from './ssh/log.js';

/**
 * The keys that may log in, asked at each login: a file is read again when it has changed. A line that cannot be used, and a file that
 * has gone, grant nothing and are logged. Throws Failure CONFIG_INVALID where there is no key at all at the start.
 */
export function createKeyRing({ authorizedKeys }: Config, log: ServerLog): () => readonly AuthorizedKey[] {
  const { text, file } = authorizedKeys;
  let stamp = file === undefined ? '' : stampOf(file);
  let keys = readKeys(text, file ?? 'BUILDBOT_AUTHORIZED_KEYS', log);
  if (keys.length === 0) {
    throw new Failure('CONFIG_INVALID', 'no public key is configured, so nobody could log in', {
      hint: 'set BUILDBOT_AUTHORIZED_KEYS or BUILDBOT_AUTHORIZED_KEYS_FILE',
    });
  }
  return () => {
    const now = file === undefined ? '' : stampOf(file);
    if (file === undefined || now === stamp) return keys;
    stamp = now;
    // Nobody logs in by a key that may have been revoked.
    keys = [];
    keys = readAgain(file, log);
    log.info({ file, keys: keys.length }, 'authorized keys read again');
    return keys;
  };
}

function readAgain(file: string, log: ServerLog): readonly AuthorizedKey[] {
  try {
    return readKeys(readFileSync(file, 'utf8'), file, log);
  } catch (err) {
    log.error({ err, file }, 'authorized keys cannot be read: nobody can log in');
    return [];
  }
}

function readKeys(text: string, origin: string, log: ServerLog): readonly AuthorizedKey[] {
  const { keys, rejected } = parseAuthorizedKeys(text, checkRights);
  for (const { line, reason } of rejected) log.warn({ origin, line, reason }, 'authorized key not usable');
  return keys;
}

// Changes with the file's content, also where it is replaced as a whole; empty where it is not there.
function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}
