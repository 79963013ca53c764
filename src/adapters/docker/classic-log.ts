import type { StepEvent } from '../../model/events.js';
import { diskFull } from '../buildkit/disk-full.js';
import { runFailed } from '../buildkit/run-failed.js';
import { Failure } from '../../model/errors.js';
import { wholeLines } from '../buildkit/lines.js';
import type { LoggedLayers } from './last-layer.js';
import { progressRate } from './progress-rate.js';

/** A message of the classic builder (moby, api/types and pkg/jsonmessage). */
export type ClassicMessage = {
  stream?: string;
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  aux?: { ID?: string };
  errorDetail?: ErrorDetail;
};

type ErrorDetail = { code?: number; message: string };

export type ClassicLog = {
  /** What the caller sees of these messages, in few events. */
  read(messages: readonly ClassicMessage[]): StepEvent[];
  /** A line that never ended. */
  flush(): StepEvent[];
  imageId(): string | undefined;
  /** Every RUN, COPY and ADD so far came from the cache. */
  cached(): boolean;
  /** The container that runs now, or ran last. */
  container(): string | undefined;
  layers(): LoggedLayers | undefined;
  /** `lastLayer` is what the failure says of it. */
  failure(lastLayer?: string): Failure | undefined;
};

/** The builder's own announcements, each in a message of its own; Podman's are spelled `STEP 1/2:` and `-->`. */
const STEP = /^(?:Step \d+\/\d+ |(?:\[\d+\/\d+\] )?STEP \d+\/\d+): (?<instruction>\S+)(?: (?<argument>\S+))?/;
const RUNNING = /^ ---> Running in (?<container>[0-9a-f]+)\n?$/;
/** The image after a step; Podman's `--> ` has no blank before it. */
const LAYER = /^ ?-+> (?<layer>[0-9a-f]{11,64})\n$/;
const FROM_CACHE = /^(?: ---> Using cache\n|--> Using cache [0-9a-f]{64}\n)$/;
const ANNOUNCES = /^(?:Step |STEP |\[\d| ?--)/;
const EXECUTED = new Set(['RUN', 'COPY', 'ADD']);

/** A process's stderr comes in red: the only mark that the two streams are told apart by. */
const RED = '\u001b[91m';
const PLAIN = '\u001b[0m';

type Step = { text: string; instruction: string; argument: string; cached: boolean };

/** Follows a classic build's messages. Lines are whole, in order, stdout and stderr told apart. */
export function classicLog(): ClassicLog {
  const lines = { stdout: wholeLines(), stderr: wholeLines() };
  const mayShow = progressRate();
  let step: Step | undefined;
  let allCached = true;
  let imageId: string | undefined;
  let container: string | undefined;
  const layers: Partial<LoggedLayers> = {};
  // From a process's start on, everything but an `aux` may be its own output.
  let heard = false;
  let failed: { step: Step | undefined; error: ErrorDetail } | undefined;

  const follow = (text: string) => {
    const announced = STEP.exec(text);
    if (announced?.groups) {
      endStep();
      const { instruction = '', argument = '' } = announced.groups;
      step = { text: text.trim(), instruction: instruction.toUpperCase(), argument, cached: false };
      // Podman names neither the base image's layer nor the container of a RUN.
      if (step.instruction === 'FROM') nameLayer(argument);
      heard ||= !text.startsWith('Step ') && step.instruction === 'RUN';
    } else if (FROM_CACHE.test(text) && step) step.cached = true;
    else {
      const running = RUNNING.exec(text)?.groups?.['container'];
      container = running ?? container;
      heard ||= running !== undefined;
      nameLayer(LAYER.exec(text)?.groups?.['layer']);
    }
  };
  const nameLayer = (name: string | undefined) => {
    if (name === undefined) return;
    layers.claimed = name;
    if (!heard) layers.base = name;
  };
  const endStep = () => {
    if (step && EXECUTED.has(step.instruction) && !step.cached) allCached = false;
  };
  const endStage = (id: string) => {
    imageId = id;
    heard = false;
  };
  const write = (events: StepEvent[], text: string) => {
    const red = text.startsWith(RED) && text.endsWith(PLAIN);
    const stream = red ? 'stderr' : 'stdout';
    appendLog(events, stream, lines[stream].push(red ? text.slice(RED.length, -PLAIN.length) : text));
  };
  const transfer = (events: StepEvent[], { status = '', id, progressDetail = {} }: ClassicMessage) => {
    const { current, total = 0 } = progressDetail;
    const what = id === undefined ? status : `${id}: ${status}`;
    if (current === undefined) appendLog(events, 'stdout', `${what}\n`);
    else if (mayShow()) events.push({ type: 'progress', what, current, total });
  };

  return {
    read(messages) {
      const events: StepEvent[] = [];
      for (const message of messages) {
        if (message.stream !== undefined) {
          if (ANNOUNCES.test(message.stream)) follow(message.stream);
          write(events, message.stream);
        } else if (message.status !== undefined) transfer(events, message);
        if (message.aux?.ID !== undefined) endStage(message.aux.ID);
        if (message.errorDetail !== undefined) failed = { step, error: message.errorDetail };
      }
      return events;
    },
    flush() {
      const events: StepEvent[] = [];
      for (const stream of ['stdout', 'stderr'] as const) {
        appendLog(events, stream, lines[stream].flush());
      }
      return events;
    },
    imageId: () => imageId,
    cached() {
      endStep();
      return allCached;
    },
    container: () => container,
    layers: () => {
      const { base, claimed } = layers;
      return base === undefined || claimed === undefined ? undefined : { base, claimed };
    },
    failure: (lastLayer) => failed && stepFailure(failed, lastLayer),
  };
}

function appendLog(events: StepEvent[], stream: 'stdout' | 'stderr', text: string): void {
  const last = events.at(-1);
  if (text === '') return;
  if (last?.type === 'log' && last.stream === stream) last.text += text;
  else events.push({ type: 'log', stream, text });
}

/** Looking for a cached step the engine goes through all images, and stumbles over one that is removed meanwhile (moby, image/cache/cache.go). */
const VANISHED = /^unable to find image "sha256:/;

function stepFailure(
  { step, error: { code, message } }: { step: Step | undefined; error: ErrorDetail },
  lastLayer: string | undefined,
): Failure {
  const full = code === undefined ? diskFull(message) : undefined;
  if (full) return full;
  if (VANISHED.test(message))
    return new Failure('ENGINE_FAILED', `the engine lost an image while it built: ${message}`, {
      transient: true,
    });
  if (step === undefined) return new Failure('DOCKERFILE_INVALID', `the Dockerfile is not valid: ${message}`);
  if (/^building at STEP "[^"]*": Build error: Unknown instruction/.test(message))
    return new Failure('DOCKERFILE_INVALID', `the Dockerfile is not valid: ${message}`);
  if (step.instruction === 'FROM') {
    return new Failure('BASE_IMAGE_UNAVAILABLE', `the image ${step.argument} cannot be had: ${message}`);
  }
  code ??= podmanExitCode(message);
  if (code === undefined) return new Failure('DOCKERFILE_FAILED', `'${step.text}' failed: ${message}`);
  return runFailed(step.text, code, lastLayer);
}

/** Podman has a RUN's exit code in its sentence alone (buildah, run_linux.go). */
function podmanExitCode(message: string): number | undefined {
  const code = /: while running runtime: exit status (\d+)\s*$/.exec(message)?.[1];
  return code === undefined ? undefined : Number(code);
}
