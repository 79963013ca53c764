import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import { harmless } from '../model/shown.js';
import { createHumanRenderer } from '../output/human.js';
import { createPump, type Pump } from '../output/pump.js';
import { resultOf } from '../output/result.js';
import type { FlagValues } from '../request/parse.js';
import type { Invocation, Services } from './invocation.js';
import { submit } from './submit.js';

/** `plan`: fetches, prints what `build` with the same flags would do, and does nothing. The log of the fetch goes to stderr. */
export function plan(flags: FlagValues, invocation: Invocation, services: Services): Promise<number> {
  return submit(
    { flags, goal: 'plan', show: () => ({ render: createPlanRenderer(flags, invocation) }) },
    invocation,
    services,
  );
}

function createPlanRenderer(flags: FlagValues, { stdout, stderr }: Invocation): Emit<BuildEvent> {
  const [out, log] = [createPump(stdout), createPump(stderr)];
  const isText = (flags.one('output') ?? 'human') === 'human';
  const print = isText ? printText(out) : printJson(out);
  const human = createHumanRenderer({ log, attention: log });
  return async (event) => {
    await human(event);
    await print(event);
  };
}

function printText(out: Pump): Emit<BuildEvent> {
  return (event) => (event.type === 'plan' ? out(event.steps.map(stepLine).join('')) : undefined);
}

function stepLine({ step, project, what }: EventOf<'plan'>['steps'][number]): string {
  return `${project === undefined ? '' : `${project}: `}${step.padEnd(8)} ${harmless(what)}\n`;
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
