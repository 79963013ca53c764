import { assertNever } from '../model/assert-never.js';
import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import { formatDuration, formatSize } from '../model/quantity.js';
import { harmless } from '../model/shown.js';
import { resultOf } from './result.js';
import type { Pump } from './pump.js';

/** Where human output goes: the log, and what needs attention. */
export type HumanStreams = { log: Pump; attention: Pump };

/**
 * For people and for old scripts: the log as it happens, each step headed by `== STEP name` with the time since the start; warnings and
 * errors on their own stream. With several projects, lines carry the project's name.
 */
export function createHumanRenderer({ log, attention }: HumanStreams): Emit<BuildEvent> {
  let started: number | undefined;
  let several = false;
  const elapsed = (time: string) =>
    formatDuration(Math.max(0, Date.parse(time) - (started ?? Date.parse(time))));
  return (event) => {
    switch (event.type) {
      case 'build.queued':
        return event.ahead === 0
          ? undefined
          : log(`waiting: ${event.ahead} ${event.ahead === 1 ? 'build' : 'builds'} ahead\n`);
      case 'build.started':
        started = Date.parse(event.time);
        return undefined;
      case 'step.started':
        return log(`== STEP ${named(event, several)}  ${elapsed(event.time)}\n`);
      case 'log':
        return log(several ? prefixLines(event.text, event.project) : event.text);
      case 'warning':
        return attention(`warning: ${harmless(event.message)}\n`);
      case 'step.finished':
        return event.cached ? log(`cached\n`) : undefined;
      case 'plan':
        several = event.projects.length > 1;
        return undefined;
      case 'progress':
        return undefined;
      case 'result':
        return attention(event.failure ? failureLine(event.failure) : '');
      default:
        return assertNever(event);
    }
  };
}

/** The last line on stdout, as function61/buildbot wrote it, with the whole result beside its two keys. */
export function resultLine(event: EventOf<'result'>): string {
  const image = event.images[0];
  const size = image === undefined ? null : formatSize(image.size);
  const seed = { image_size: size, image_from: image?.base ?? null };
  return `__build_result_meta ${JSON.stringify({ ...seed, ...resultOf(event) })}\n`;
}

export function failureLine(failure: NonNullable<EventOf<'result'>['failure']>): string {
  const where = [failure.step, failure.project].filter(Boolean).join(' ');
  return harmless(`error: ${where ? `${where}: ` : ''}${failure.message} (${failure.code})\n`);
}

function named({ step, project }: { step: string; project?: string | undefined }, several: boolean): string {
  return several && project !== undefined ? `${step} ${project}` : step;
}

function prefixLines(text: string, project: string | undefined): string {
  return project === undefined ? text : text.replace(/^(?=[^])/gm, `${project} | `);
}
