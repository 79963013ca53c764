import {
  CUT_RULES,
  denied,
  DISK_RULES,
  NETWORK_RULES,
  SSH_RULES,
  unreachable,
  type Trouble,
  type TroubleRule,
} from '../vcs/trouble.js';

/**
 * git and ssh tell what happened in text alone (their exit codes are 128 and 255 for everything), so here,
 * and nowhere else, text is matched: their own messages in the locale C. The first rule that matches decides.
 */
const RULES: readonly TroubleRule[] = [
  ...DISK_RULES,
  ...SSH_RULES,
  [/could not read (?:Username|Password) for/, denied('it wants a login, and there is none for its host')],
  [/Authentication failed for/, denied('it does not accept the token')],
  [/requested URL returned error: 40[13]/, denied('it refuses this login')],
  ...NETWORK_RULES,
  [
    /certificate verification failed|SSL certificate problem|gnutls_handshake|GnuTLS recv error|SSL_connect|SSL routines/,
    { ...unreachable('the TLS connection fails, the certificate is not trusted perhaps'), transient: false },
  ],
  [/requested URL returned error: 5\d\d/, unreachable('its host answers with an error of its own')],
  [/requested URL returned error: 429/, unreachable('its host asks to come back later')],
  [
    /repository '.*' not found|[Rr]epository not found|does not appear to be a git repository/,
    { code: 'REPOSITORY_NOT_FOUND', what: 'there is no such repository' },
  ],
  [
    /requested URL returned error: 4(?:04|10)|project you were looking for could not be found|no such repository|Not found\.$/im,
    { code: 'REPOSITORY_NOT_FOUND', what: 'there is no such repository' },
  ],
  ...CUT_RULES,
  [/early EOF|hung up unexpectedly|unexpected disconnect/, unreachable('the connection was cut')],
];

/** The trouble that `stderr` speaks of; SOURCE_FAILED for what nobody knows. */
export function classify(stderr: string): Trouble {
  // What the remote prints is its own text and proves nothing; ERR packets and ssh's lines come without this
  // mark.
  const own = stderr.replace(/^remote: (?!.*(?:not found|could not be found)).*$/gim, '');
  const rule = RULES.find(([pattern]) => pattern.test(own));
  return rule?.[1] ?? { code: 'SOURCE_FAILED', what: `git failed${lastLine(stderr)}` };
}

const LFS_RULES: readonly TroubleRule[] = [
  ...DISK_RULES,
  [/'lfs' is not a git command/, { code: 'SOURCE_FAILED', what: 'git-lfs is not installed on the runner' }],
  ...SSH_RULES,
  [
    /Authentication required|Authorization error|[Cc]redentials for .* not found|could not read Username/,
    denied('its LFS server refuses this login, or wants one where there is none for its host'),
  ],
  [/\[404\]|remote missing object/, { code: 'SOURCE_FAILED', what: 'the LFS server does not have it' }],
  ...NETWORK_RULES,
  [/no such host/, { ...unreachable('the name of its LFS server cannot be resolved'), transient: false }],
  [/expected OID .*, got/, { code: 'SOURCE_FAILED', what: 'the LFS server sent something else' }],
];

/**
 * What kept git-lfs from the object `oid`. Of an answer that refuses it shows the server's own message, if there is
 * one, and not the status.
 */
export function classifyLfs(stderr: string, oid: string): Trouble {
  const lines = stderr.trim().split('\n');
  const line =
    lines.find((text) => text.startsWith(`[${oid}]`)) ??
    lines.find((text) => text.startsWith('batch response: ')) ??
    lines[0]!;
  const find = (text: string): Trouble | undefined => LFS_RULES.find(([pattern]) => pattern.test(text))?.[1];
  return (
    find(line) ?? find(stderr) ?? { code: 'SOURCE_FAILED', what: `git-lfs failed: ${line.slice(0, 200)}` }
  );
}

/** git-upload-pack of protocol version 0 gives only what it advertises. */
export function isUnadvertised(stderr: string): boolean {
  return /Server does not allow request for unadvertised object/.test(stderr);
}

/** The remote has no such object. */
export function isAbsent(stderr: string): boolean {
  return /not our ref|couldn't find remote ref|unadvertised object/.test(stderr);
}

function lastLine(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
  return line === '' ? '' : `: ${line}`;
}
