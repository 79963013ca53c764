import { secretsOf } from '../model/credentials.js';
import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import { asFailure } from '../model/errors.js';
import { createHumanRenderer } from '../output/human.js';
import { createPump, type Pump } from '../output/pump.js';
import { redactEvents, redactText } from '../output/redact.js';
import { resultOf } from '../output/result.js';
import { toBuildRequest } from '../request/build-request.js';
import type { FlagValues } from '../request/parse.js';
import { cancelWhenGone } from './cancel-when-gone.js';
import type { Invocation, Services } from './invocation.js';
import { lentCredentials } from './lent-credentials.js';

/** `plan`: fetches, prints what `build` with the same flags would do, and does nothing. The log of the fetch goes to stderr. */
export async function plan(flags: FlagValues, invocation: Invocation, { builds }: Services): Promise<number> {
  const { credentials } = await lentCredentials(flags, invocation);
  const secrets = secretsOf(credentials);
  try {
    const request = toBuildRequest(flags, credentials, 'plan');
    const [out, log] = [createPump(invocation.stdout), createPump(invocation.stderr)];
    const print =
      flags.one('output') === undefined || flags.one('output') === 'human' ? printText(out) : printJson(out);
    const human = createHumanRenderer({ log, attention: log });
    using caller = cancelWhenGone(invocation.signal);
    const emit = redactEvents(secrets, async (event) => {
      await human(event);
      await print(event);
    });
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

function printText(out: Pump): Emit<BuildEvent> {
  return (event) => (event.type === 'plan' ? out(event.steps.map(stepLine).join('')) : undefined);
}

function stepLine({ step, project, what }: EventOf<'plan'>['steps'][number]): string {
  return `${project === undefined ? '' : `${project}: `}${step.padEnd(8)} ${what}\n`;
}

/** One object: the source, and the projects with all their steps; or, where there is no plan, the result that says why. */
function printJson(out: Pump): Emit<BuildEvent> {
  let projects: EventOf<'plan'>['projects'] | undefined;
  return (event) => {
    if (event.type === 'plan') ({ projects } = event);
    if (event.type !== 'result') return undefined;
    const { version, id, source } = event;
    return out(
      `${JSON.stringify(projects && event.exitCode === 0 ? { version, id, source, projects } : resultOf(event))}\n`,
    );
  };
}
