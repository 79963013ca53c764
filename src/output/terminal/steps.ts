import type { BuildEvent, EventOf } from '../../model/events.js';
import { Tail } from '../tail.js';
import { printable } from './printable.js';

/** Of each step's log; the end of it is shown if the step fails. */
const limits = { lines: 100, length: 4096 };
/** Transfers of a step that are followed, and milliseconds after which one that is silent is no more shown. */
const MOST_TRANSFERS = 32;
const SILENCE = 5_000;

export type Transfer = { what: string; current: number; total: number };

/** A step that runs now. */
export type RunningStep = {
  name: string;
  /** Milliseconds since 1970. */
  started: number;
  log: Tail;
  /** Shown beside its name. */
  note: string;
  transfers: Map<string, Transfer & { heard: number }>;
};

/** Follows the steps of a build. */
export type Steps = {
  readonly running: readonly RunningStep[];
  observe(event: BuildEvent): void;
  /** The step that has finished, if its start was seen. */
  finish(event: EventOf<'step.finished'>): RunningStep | undefined;
};

export function createSteps(): Steps {
  const steps = new Map<string, RunningStep>();
  return {
    get running() {
      return [...steps.values()];
    },
    observe(event) {
      if (event.type === 'step.started') steps.set(keyOf(event), start(event));
      if (event.type === 'log') addLog(steps.get(keyOf(event)), event);
      if (event.type === 'progress') addProgress(steps.get(keyOf(event)), event);
      if (event.type === 'build.queued') noteQueue(steps.get(keyOf({ step: 'queue' })), event);
    },
    finish(event) {
      const step = steps.get(keyOf(event));
      steps.delete(keyOf(event));
      return step;
    },
  };
}

/** Transfers that go on, by what was last heard of them. */
export function transfersOf({ transfers }: RunningStep, now: number): Transfer[] {
  return [...transfers.values()].filter(({ heard }) => now - heard < SILENCE);
}

function start({ step, project, time }: EventOf<'step.started'>): RunningStep {
  const name = printable(project === undefined ? step : `${step} ${project}`);
  return { name, started: Date.parse(time), log: new Tail(limits), note: '', transfers: new Map() };
}

function addLog(step: RunningStep | undefined, { text }: EventOf<'log'>): void {
  if (!step) return;
  step.log.push(text);
  // `pushed layer 0f1e`: a line says what became of it.
  for (const what of step.transfers.keys()) if (text.includes(what)) step.transfers.delete(what);
}

function addProgress(step: RunningStep | undefined, event: EventOf<'progress'>): void {
  if (!step) return;
  const { what, current, total } = event;
  if (total > 0 && current >= total) return void step.transfers.delete(what);
  step.transfers.set(what, { what, current, total, heard: Date.parse(event.time) });
  if (step.transfers.size > MOST_TRANSFERS) step.transfers.delete(step.transfers.keys().next().value!);
}

function noteQueue(step: RunningStep | undefined, { ahead }: EventOf<'build.queued'>): void {
  if (step && ahead > 0) step.note = `${ahead} ${ahead === 1 ? 'build' : 'builds'} ahead`;
}

function keyOf({ step, project }: { step: string; project?: string | undefined }): string {
  return `${step}\0${project ?? ''}`;
}
