import { secretsOf } from '../model/credentials.js';
import type { BuildEvent, Emit } from '../model/events.js';
import { asFailure } from '../model/errors.js';
import type { BuildRequest } from '../model/request.js';
import { withFailureLog } from '../output/failure-log.js';
import { createPump } from '../output/pump.js';
import { signResults } from '../output/receipt.js';
import { createRedactor } from '../output/redact.js';
import { toBuildRequest } from '../request/build-request.js';
import { contentFlags } from '../request/content-flags.js';
import type { FlagValues } from '../request/parse.js';
import type { OpenTerminal } from '../ports.js';
import { createFeed } from '../run/feed.js';
import type { Invocation, Services } from './invocation.js';
import { lentCredentials } from './lent-credentials.js';

export type Submitting = {
  flags: FlagValues;
  goal: BuildRequest['goal'];
  /** Asked once the request is known to be right. */
  show: (request: BuildRequest) => { render: Emit<BuildEvent>; openTerminal?: OpenTerminal | undefined };
};

/** Flags and what the caller lends → a build that runs to its end. Resolves with its exit code; rejects with what is wrong with them. */
export async function submit(
  { flags, goal, show }: Submitting,
  invocation: Invocation,
  services: Services,
): Promise<number> {
  const { credentials, context: stream, warnings } = await lentCredentials(flags, invocation);
  const redactor = createRedactor(secretsOf(credentials));
  const redact = redactor.text;
  try {
    const { fingerprint: owner, rights } = invocation.caller;
    const context = stream && { stream, owner };
    const request = toBuildRequest(flags, credentials, { goal, rights, ...(context && { context }) });
    const warn = createPump(invocation.stderr);
    for (const warning of warnings) await warn(`warning: ${warning}\n`);
    const { render, openTerminal } = show(request);
    const feed = createFeed(render);
    const notary = { ...services, caller: owner, flags: contentFlags(flags, redact) };
    const emit = redactor.events(signResults(notary, withFailureLog(feed.emit)));
    const { caller, signal } = invocation;
    const submission = { caller, emit, feed, signal, redact, openTerminal };
    const { exitCode } = await services.builds.submit(request, submission);
    return exitCode;
  } catch (error) {
    throw asFailure(error).mapText(redact);
  }
}
