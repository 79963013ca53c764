import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import type { BuildResult } from '../model/result.js';
import type { Pump } from './pump.js';

/** `--output result`: the log goes where `log` sends it, and stdout carries exactly one JSON object. */
export function createResultRenderer(out: Pump, log: Emit<BuildEvent>): Emit<BuildEvent> {
  return async (event) => {
    await log(event);
    if (event.type === 'result') await out(`${JSON.stringify(resultOf(event))}\n`);
  };
}

/** The result without what makes it an event. */
export function resultOf(event: EventOf<'result'>): BuildResult {
  const { type: _type, time: _time, build: _build, ...result } = event;
  return result;
}
