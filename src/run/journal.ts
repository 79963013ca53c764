import { asFailure, catalogue, type Failure, type FailureCode } from '../model/errors.js';
import type { BuildEvent, Emit, StepEvent, StepName } from '../model/events.js';
import type { BuildResult } from '../model/result.js';
import type { Clock, StepIO } from '../ports.js';
import type { StepLimits } from './step-limits.js';

type Where = { step: StepName; project?: string };
type StepRecord = BuildResult['steps'][number];

/** Events of a step's log that are looked at again when it has failed. */
const LAST = 8;
/** What programs say when they cannot write, strerror(3). Whose fault that is nobody can tell from here: a hint, and no verdict. */
const NO_SPACE = 'No space left on device';
const COMMAND_FAILED: ReadonlySet<FailureCode> = new Set([
  'DOCKERFILE_FAILED',
  'BUILDER_FAILED',
  'TEST_FAILED',
]);
const FULL =
  'disk full, it says: the engine has no room left, or what it mounts there is too small; see the log above';

/** Writes down what happens in one build: stamps events, times steps, remembers where it failed. */
export class Journal {
  readonly steps: StepRecord[] = [];
  /** Where each error came from, and where the build was when it was stopped. */
  readonly #places = new WeakMap<object, Where>();
  #stoppedAt: Where | undefined;
  /** The end of each step's log, as it came. */
  readonly #said = new WeakMap<Where, string[]>();

  readonly emit: Emit<BuildEvent>;
  readonly #limits: StepLimits;

  constructor(
    readonly build: string,
    readonly clock: Clock,
    { emit, limits }: { emit: Emit<BuildEvent>; limits: StepLimits },
  ) {
    this.emit = emit;
    this.#limits = limits;
  }

  /** Time and build, for an event of the whole build. */
  get stamp(): { time: string; build: string } {
    return { time: this.clock.now().toISOString(), build: this.build };
  }

  /**
   * Runs one step: announces it, gives it its own emit and its limit, and records how it ended. Rejects as `work` does, or with TIMEOUT
   * where its own time was over before.
   */
  async step<T>(where: Where, signal: AbortSignal, work: (io: StepIO) => Promise<T>): Promise<T> {
    const started = this.clock.elapsed();
    await this.emit({ type: 'step.started', ...this.stamp, ...where });
    using limit = this.#limits(where.step, signal);
    try {
      const value = await work({ emit: this.#stepEmit(where), signal: limit.signal });
      await this.#finish(where, { started, status: 'succeeded', cached: isCached(value) });
      return value;
    } catch (thrown) {
      const error = limit.over ?? thrown;
      if (signal.aborted) this.#stoppedAt ??= where;
      else this.#note(error, where);
      await this.#finish(where, { started, status: signal.aborted ? 'cancelled' : 'failed', cached: false });
      throw error;
    }
  }

  // Several steps may end by one error: the first one had it.
  #note(error: unknown, where: Where): void {
    if (typeof error !== 'object' || error === null || this.#places.has(error)) return;
    this.#places.set(error, where);
  }

  #placeOf(error: unknown): Where | undefined {
    return typeof error === 'object' && error !== null ? this.#places.get(error) : undefined;
  }

  #finish(
    { step, project }: Where,
    end: { started: number; status: StepRecord['status']; cached: boolean },
  ): void | Promise<void> {
    const named = project === undefined ? {} : { project };
    const seconds = Math.round(this.clock.elapsed() - end.started) / 1000;
    const outcome = { status: end.status, seconds, ...(end.cached && { cached: true }) };
    this.steps.push({ name: step, ...named, ...outcome });
    return this.emit({ type: 'step.finished', ...this.stamp, step, ...named, ...outcome });
  }

  #stepEmit(where: Where): Emit<StepEvent> {
    const said: string[] = [];
    this.#said.set(where, said);
    return (event) => {
      if (event.type === 'log' && said.push(event.text) > LAST) said.shift();
      return this.emit({ ...event, ...this.stamp, ...where });
    };
  }

  #hintFor({ code, hint }: Failure, where: Where | undefined): string {
    const said = (where && this.#said.get(where)) ?? [];
    return COMMAND_FAILED.has(code) && said.some((text) => text.includes(NO_SPACE)) ? FULL : hint;
  }

  /** The failure as the result tells it; its log is added on the way out, where it has been redacted. */
  describeFailure(error: unknown): {
    failure: NonNullable<BuildResult['failure']>;
    exitCode: number;
    cause: Failure;
  } {
    const cause = asFailure(error);
    // What went wrong while something was cleaned up stands around the error that was first.
    const where = this.#placeOf(error) ?? this.#placeOf(cause) ?? this.#stoppedAt;
    const failure = {
      ...(where && { step: where.step, ...(where.project !== undefined && { project: where.project }) }),
      code: cause.code,
      message: `${cause.message}; ${this.#hintFor(cause, where)}`,
      ...(cause.commandExitCode !== undefined && { commandExitCode: cause.commandExitCode }),
      log: [],
    };
    return { failure, exitCode: catalogue[cause.code].exit, cause };
  }
}

// What a step returns may say that the engine had done it all before.
function isCached(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'cached' in value && value.cached === true;
}
