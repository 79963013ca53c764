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
 * hg and ssh tell what happened in text alone (hg's exit code is 255 for everything), so here, and nowhere else, text
 * is matched: their own messages in the locale C. hg puts `remote: ` before what ssh says and what the other side says
 * alike. The first rule that matches decides.
 */
const RULES: readonly TroubleRule[] = [
  ...DISK_RULES,
  ...SSH_RULES,
  [/abort: authorization failed/, denied('it does not accept the token')],
  [/http authorization required/, denied('it wants a login, and there is none for its host')],
  [/HTTP Error 40[13]/, denied('it refuses this login')],
  ...NETWORK_RULES,
  [
    /\[SSL|certificate verif|CERTIFICATE_VERIFY_FAILED/,
    { ...unreachable('the TLS connection fails, the certificate is not trusted perhaps'), transient: false },
  ],
  [/HTTP Error 5\d\d/, unreachable('its host answers with an error of its own')],
  [/HTTP Error 429/, unreachable('its host asks to come back later')],
  [
    /HTTP Error 4(?:04|10)|repository .* not found|Illegal repository|no repository found|not appear to be an hg repository/,
    { code: 'REPOSITORY_NOT_FOUND', what: 'there is no such repository' },
  ],
  [
    /^abort: .*ambiguous identifier/m,
    { code: 'REVISION_AMBIGUOUS', what: 'several changesets have ids that begin so' },
  ],
  [
    /^abort: .*(?:unknown revision|hidden revision|filtered revision|no node)/m,
    { code: 'REVISION_NOT_FOUND', what: 'it has no branch, bookmark, tag or changeset of this name' },
  ],
  ...CUT_RULES,
  [/stream ended unexpectedly|no suitable response from remote/, unreachable('the connection was cut')],
];

/** The trouble that `stderr` speaks of; SOURCE_FAILED for what nobody knows. */
export function classify(stderr: string): Trouble {
  const rule = RULES.find(([pattern]) => pattern.test(stderr));
  return rule?.[1] ?? { code: 'SOURCE_FAILED', what: `hg failed${lastAbort(stderr)}` };
}

function lastAbort(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const line = (lines.findLast((text) => text.startsWith('abort: ')) ?? lines.at(-1) ?? '').slice(0, 200);
  return line === '' ? '' : `: ${line}`;
}
