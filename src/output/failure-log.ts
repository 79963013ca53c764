import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import { Tail } from './tail.js';

/** Lines of the failed step that the result repeats, and characters that each may have. */
const limits = { lines: 50, length: 4096 };

/** Puts the last lines of the failed step into the result. Stands behind redaction: it repeats only what the caller has seen. */
export function withFailureLog(emit: Emit<BuildEvent>): Emit<BuildEvent> {
  const tails = new Map<string, Tail>();
  return (event) => {
    if (event.type === 'step.started') tails.set(keyOf(event), new Tail(limits));
    if (event.type === 'log') tails.get(keyOf(event))?.push(event.text);
    if (event.type === 'step.finished' && event.status === 'succeeded') tails.delete(keyOf(event));
    return emit(event.type === 'result' ? complete(event, tails) : event);
  };
}

function complete(event: EventOf<'result'>, tails: ReadonlyMap<string, Tail>): EventOf<'result'> {
  if (!event.failure) return event;
  const log = tails.get(keyOf(event.failure))?.lines ?? [];
  return { ...event, failure: { ...event.failure, log } };
}

function keyOf({ step, project }: { step?: string | undefined; project?: string | undefined }): string {
  return `${step ?? ''}\0${project ?? ''}`;
}
