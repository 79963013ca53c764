import type { FailureCode } from '../../model/errors.js';

/** What went wrong, as a clause that follows the repository's name. */
export type Trouble = { code: FailureCode; what: string; hint?: string; transient?: boolean };

type Rule = [RegExp, Trouble];

/**
 * git and ssh tell what happened in text alone (their exit codes are 128 and 255 for everything), so here,
 * and nowhere else, text is matched: their own messages in the locale C. The first rule that matches decides.
 */
const RULES: readonly Rule[] = [
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
  [/could not read (?:Username|Password) for/, denied('it wants a login, and there is none for its host')],
  [/Authentication failed for/, denied('it does not accept the token')],
  [/requested URL returned error: 40[13]/, denied('it refuses this login')],
  [
    /Could not resolve (?:host|hostname|proxy)|Name or service not known/i,
    { ...unreachable('the name of its host cannot be resolved'), transient: false },
  ],
  [
    /Connection refused|Failed to connect to|Couldn't connect to server/,
    unreachable('its host refuses the connection'),
  ],
  [/Connection timed out|Operation timed out|Operation too slow/, unreachable('its host does not answer')],
  [/No route to host|Network is unreachable/, unreachable('there is no way to its host')],
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
  [
    /kex_exchange_identification|Connection closed by|Connection reset|closed by remote host|early EOF|hung up unexpectedly|unexpected disconnect/,
    unreachable('the connection was cut'),
  ],
];

/** The trouble that `stderr` speaks of; SOURCE_FAILED for what nobody knows. */
export function classify(stderr: string): Trouble {
  // What the remote prints is its own text and proves nothing; ERR packets and ssh's lines come without this
  // mark.
  const own = stderr.replace(/^remote: (?!.*(?:not found|could not be found)).*$/gim, '');
  const rule = RULES.find(([pattern]) => pattern.test(own));
  return rule?.[1] ?? { code: 'SOURCE_FAILED', what: `git failed${lastLine(stderr)}` };
}

/** git-upload-pack of protocol version 0 gives only what it advertises. */
export function isUnadvertised(stderr: string): boolean {
  return /Server does not allow request for unadvertised object/.test(stderr);
}

/** The remote has no such object. */
export function isAbsent(stderr: string): boolean {
  return /not our ref|couldn't find remote ref|unadvertised object/.test(stderr);
}

function denied(what: string): Trouble {
  return { code: 'SOURCE_DENIED', what };
}

function unreachable(what: string): Trouble {
  return { code: 'SOURCE_UNREACHABLE', what, transient: true };
}

function lastLine(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
  return line === '' ? '' : `: ${line}`;
}
