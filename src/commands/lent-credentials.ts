import { Failure } from '../model/errors.js';
import { noCredentials, type Credentials } from '../model/credentials.js';
import { MAX_CREDENTIALS, parseCredentials } from '../request/credentials.js';
import type { FlagValues } from '../request/parse.js';
import { seedCredentials } from '../request/seed.js';
import type { Invocation } from './invocation.js';
import { readAll } from './read-all.js';
import { splitStdin } from './split-stdin.js';

export type Lent = {
  credentials: Credentials;
  /** With `--context -`: the bytes of stdin that are the context. */
  context?: AsyncIterable<Uint8Array>;
  warnings: readonly string[];
};

/**
 * The caller's agent, and credentials in this order: the document on stdin, or else the one in the environment; seed flags
 * for what that does not speak of.
 */
export async function lentCredentials(flags: FlagValues, invocation: Invocation): Promise<Lent> {
  const { environment, agent, caller } = invocation;
  const seed = seedCredentials(flags);
  const fromStdin = flags.one('credentials') !== undefined;
  const hostsFromStdin = flags.one('known-hosts') !== undefined;
  if (fromStdin && hostsFromStdin) {
    throw new Failure('USAGE', '--credentials - and --known-hosts - cannot both read stdin', {
      hint: 'put knownHosts into the document',
    });
  }
  const { text, context } = await readStdin(flags, invocation);
  const document = fromStdin ? text : environment.get('BUILDBOT_CREDENTIALS');
  const given = document === undefined ? noCredentials : parseCredentials(document);
  const credentials = {
    ...given,
    owner: caller.fingerprint,
    ...(agent && { agent }),
    git: { ...seed.git, ...given.git },
    knownHosts: [given.knownHosts, hostsFromStdin ? (text ?? '') : '']
      .filter((lines) => lines !== '')
      .join('\n'),
    registries: new Map([...seed.registries, ...given.registries]),
  };
  return { credentials, ...(context && { context }), warnings: seed.warnings };
}

/** stdin holds a document, a context, or one after the other. */
async function readStdin(
  flags: FlagValues,
  { stdin, terminal, signal }: Invocation,
): Promise<{ text?: string; context?: AsyncIterable<Uint8Array> }> {
  const hasCredentials = flags.one('credentials') !== undefined;
  const limit = MAX_CREDENTIALS;
  if (flags.one('context') === undefined) {
    const hasDocument = hasCredentials || flags.one('known-hosts') !== undefined;
    return hasDocument ? { text: await readAll(stdin, { limit, what: 'stdin', signal }) } : {};
  }
  if (terminal !== undefined) {
    throw new Failure('USAGE', '--context - does not come through a terminal', { hint: 'leave out ssh -t' });
  }
  if (!hasCredentials) return { context: stdin };
  const { text, rest } = await splitStdin(stdin, { limit, signal });
  return { text, context: rest };
}
