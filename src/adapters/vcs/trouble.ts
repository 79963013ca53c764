import { Failure, type FailureCode, isOutOfSpace } from '../../model/errors.js';
import { WEB_SILENCE } from './environment.js';
import { SSH_WAITS } from './ssh.js';

/** What went wrong, as a clause that follows the repository's name. */
export type Trouble = { code: FailureCode; what: string; hint?: string; transient?: boolean };

/** A message of a program, and what it means. Of a list the first that matches decides. */
export type TroubleRule = readonly [RegExp, Trouble];

export function denied(what: string): Trouble {
  return { code: 'SOURCE_DENIED', what };
}

export function unreachable(what: string): Trouble {
  return { code: 'SOURCE_UNREACHABLE', what, transient: true };
}

const DISK_FULL: Trouble = {
  code: 'DISK_FULL',
  what: 'disk full: the runner has no room for what it fetches',
};

/** What the caller is told where a file system of the runner's is full, and else what was thrown. */
export function ownDiskFailure(error: unknown): unknown {
  return isOutOfSpace(error) ? new Failure(DISK_FULL.code, DISK_FULL.what, { cause: error }) : error;
}

/** What the system says of the runner's own disk, in the locale C. What a remote says of its own stands behind a mark. */
export const DISK_RULES: readonly TroubleRule[] = [
  [/^(?!remote: ).*(?:No space left on device|Disk quota exceeded)/m, DISK_FULL],
];

/** What OpenSSH says about keys, in the locale C: its exit code is 255 for everything. */
export const SSH_RULES: readonly TroubleRule[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    {
      code: 'HOST_KEY_UNKNOWN',
      what: 'the host shows another host key than the known one: it was replaced, or somebody listens in',
      hint: 'if the change is legitimate, put the new host key into knownHosts',
    },
  ],
  [/Host key verification failed/, { code: 'HOST_KEY_UNKNOWN', what: 'the host key is not known' }],
  [
    /Load key ".*": (?:error in libcrypto|invalid format)/,
    {
      code: 'SOURCE_DENIED',
      what: 'the SSH key cannot be read',
      hint: 'give the whole text of a private key as git.sshKey, its first and last line included',
    },
  ],
  [/Permission denied \(|Too many authentication failures/, denied('the host does not accept the SSH key')],
];

/** What the operating system says about connections, as git, curl, ssh and Python repeat it. */
export const NETWORK_RULES: readonly TroubleRule[] = [
  [
    /Could not resolve (?:host|hostname|proxy)|Name or service not known/i,
    { ...unreachable('the name of its host cannot be resolved'), transient: false },
  ],
  [
    /Connection refused|Failed to connect to|Couldn't connect to server/,
    unreachable('its host refuses the connection'),
  ],
  [
    /Connection timed out|Operation timed out|Operation too slow|timed out$|^Timeout, server .* not responding/m,
    unreachable(
      `its host does not answer (limits: ${SSH_WAITS.connect} s for a connection, ${WEB_SILENCE} s of silence)`,
    ),
  ],
  [/No route to host|Network is unreachable/, unreachable('there is no way to its host')],
];

/** What cuts a connection that was there. */
export const CUT_RULES: readonly TroubleRule[] = [
  [
    /kex_exchange_identification|Connection closed by|Connection reset|closed by remote host/,
    unreachable('the connection was cut'),
  ],
];
