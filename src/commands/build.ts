import { asFailure } from '../model/errors.js';
import { secretsOf } from '../model/credentials.js';
import { withFailureLog } from '../output/failure-log.js';
import { createPump } from '../output/pump.js';
import { redactEvents, redactText } from '../output/redact.js';
import { createRenderer, type OutputFormat } from '../output/renderer.js';
import { toBuildRequest } from '../request/build-request.js';
import type { FlagValues } from '../request/parse.js';
import { cancelWhenGone } from './cancel-when-gone.js';
import type { Invocation, Services } from './invocation.js';
import { lentCredentials } from './lent-credentials.js';

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
    throw asFailure(error).mapText((text) => redactText(secrets, text));
  }
}
