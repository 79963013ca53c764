import { Failure } from '../model/errors.js';
import { noCredentials, type Credentials } from '../model/credentials.js';
import { MAX_CREDENTIALS, parseCredentials } from '../request/credentials.js';
import type { FlagValues } from '../request/parse.js';
import { seedCredentials } from '../request/seed.js';
import type { Invocation } from './invocation.js';
import { readAll } from './read-all.js';

export type Lent = { credentials: Credentials; warnings: readonly string[] };

/** Credentials in the order of CONTRACT §4: stdin, environment, seed flags; the first that speaks of a thing wins. */
export async function lentCredentials(
  flags: FlagValues,
  { stdin, environment, signal }: Invocation,
): Promise<Lent> {
  const seed = seedCredentials(flags);
  const fromStdin = flags.one('credentials') !== undefined;
  const hostsFromStdin = flags.one('known-hosts') !== undefined;
  if (fromStdin && hostsFromStdin) {
    throw new Failure('USAGE', '--credentials - and --known-hosts - cannot both read stdin', {
      hint: 'put knownHosts into the document',
    });
  }
  const text =
    fromStdin || hostsFromStdin
      ? await readAll(stdin, { limit: MAX_CREDENTIALS, what: 'stdin', signal })
      : undefined;
  const document = fromStdin ? text : environment.get('BUILDBOT_CREDENTIALS');
  const given = document === undefined ? noCredentials : parseCredentials(document);
  const credentials = {
    ...given,
    git: { ...seed.git, ...given.git },
    knownHosts: [given.knownHosts, hostsFromStdin ? (text ?? '') : '']
      .filter((lines) => lines !== '')
      .join('\n'),
    registries: new Map([...seed.registries, ...given.registries]),
  };
  return { credentials, warnings: seed.warnings };
}
