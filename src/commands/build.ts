import { Failure } from '../model/errors.js';
import { noCredentials, secretsOf, type Credentials } from '../model/credentials.js';
import { withFailureLog } from '../output/failure-log.js';
import { redactEvents, redactText } from '../output/redact.js';
import { createRenderer, type OutputFormat } from '../output/renderer.js';
import { createPump } from '../output/pump.js';
import { toBuildRequest } from '../request/build-request.js';
import { MAX_CREDENTIALS, parseCredentials } from '../request/credentials.js';
import type { FlagValues } from '../request/parse.js';
import { seedCredentials } from '../request/seed.js';
import type { Invocation, Services } from './invocation.js';
import { readAll } from './read-all.js';

/** `build`: one build, its log live on the caller's streams, its verdict as the exit code. */
export async function build(
  flags: FlagValues,
  invocation: Invocation,
  { builds }: Services,
): Promise<number> {
  const { credentials, warnings } = await lentCredentials(flags, invocation);
  const secrets = secretsOf(credentials);
  try {
    const request = toBuildRequest(flags, credentials);
    const warn = createPump(invocation.stderr);
    for (const warning of warnings) await warn(`warning: ${warning}\n`);
    const render = createRenderer((flags.one('output') ?? 'human') as OutputFormat, invocation);
    using caller = cancelWhenGone(invocation.signal);
    const emit = redactEvents(secrets, withFailureLog(render));
    const { exitCode } = await builds.submit(request, {
      caller: invocation.caller,
      emit,
      signal: caller.signal,
    });
    return exitCode;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, redactText(secrets, error.message), { hint: error.hint });
  }
}

type Lent = { credentials: Credentials; warnings: readonly string[] };

/** Credentials in the order of CONTRACT §4: stdin, environment, seed flags; the first that speaks of a thing wins. */
async function lentCredentials(flags: FlagValues, { stdin, environment, signal }: Invocation): Promise<Lent> {
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

/** The caller's signal with a reason that explains itself. */
function cancelWhenGone(gone: AbortSignal): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const cancel = () =>
    controller.abort(new Failure('CANCELLED', 'the caller cancelled the build or went away'));
  if (gone.aborted) cancel();
  gone.addEventListener('abort', cancel, { once: true });
  return { signal: controller.signal, [Symbol.dispose]: () => gone.removeEventListener('abort', cancel) };
}
