import { asFailure, Failure } from '../model/errors.js';
import { formatReference, type ImageReference, repositoryOf } from '../model/reference.js';
import type { RegistryCredentials } from '../model/credentials.js';
import type { StepOf } from '../plan/step.js';
import type { Clock, Engine, StepIO } from '../ports.js';

export type PushedReference = { ref: string; digest: string };

type Tools = {
  /** The engine's id of the image. */
  image: string;
  engine: Engine;
  clock: Clock;
  registries: RegistryCredentials;
  /** Hears of each reference that is up, also where another one fails. */
  onPushed: (pushed: PushedReference) => void;
  /**
   * Given where the build pushes to several repositories: resolves when all of them hold the blobs and manifests of their images. Until
   * then no tag that anybody asked for has moved.
   */
  allUp?: () => Promise<void>;
};

/** The tag under which an image waits in its repository until all others are up. Registries have no way to push without one. */
const INCOMING = 'buildbot-incoming';

/**
 * Pushes the image under every reference: to all repositories at once, and to each under one tag before the others, since registries
 * stumble over the same new blobs several times at once. Transient errors are tried again after 1 s, 2 s, 4 s … (at most 30 s), or when
 * the registry says, unless that is later than in five minutes. Rejects with the first failure once all have settled.
 */
export async function pushImage(step: StepOf<'push'>, tools: Tools, io: StepIO): Promise<void> {
  const push = (ref: ImageReference) => pushOne({ ref, retries: step.retries }, tools, io);
  const repositories = byRepository(step.refs);
  if (tools.allUp) {
    await allSettled(repositories.map(([first]) => pushIncoming(first, step, { ...tools, io })));
    await tools.allUp();
    return await allSettled(step.refs.map(push));
  }
  await allSettled(
    repositories.map(async ([first, ...others]) => {
      const pushed = push(first);
      await pushed.catch(() => undefined);
      await allSettled([pushed, ...others.map(push)]);
    }),
  );
}

/** Amazon ECR (`tag invalid: … cannot be overwritten because the repository is immutable`), Harbor (`… configured as immutable`). */
const IMMUTABLE = /\bimmutable\b/i;

/** A registry that lets no tag move refuses all but the first one of these. It has the blobs then, which is most of it. */
async function pushIncoming(
  ref: ImageReference,
  { retries }: StepOf<'push'>,
  { io, ...tools }: Tools & { io: StepIO },
): Promise<void> {
  const waiting = { ref: { ...ref, tag: INCOMING }, retries };
  try {
    await pushOne(waiting, { ...tools, onPushed: () => undefined }, io);
  } catch (error) {
    const { code, transient, message } = asFailure(error);
    if (code !== 'PUSH_FAILED' || transient || !IMMUTABLE.test(message)) throw error;
    await io.emit({ type: 'warning', message: `${message}; its tags move without that, each for itself` });
  }
}

async function allSettled(pushes: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(pushes)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

function byRepository(refs: readonly ImageReference[]): [ImageReference, ...ImageReference[]][] {
  const repositories = new Map<string, [ImageReference, ...ImageReference[]]>();
  for (const ref of refs) {
    const place = repositoryOf(ref);
    const known = repositories.get(place);
    if (known) known.push(ref);
    else repositories.set(place, [ref]);
  }
  return [...repositories.values()];
}

/** The longest that a registry is waited for, in seconds. The build's own deadline goes on meanwhile. */
export const LONGEST = 300;

/** Seconds. Throws the failure where the registry wants to be left alone for too long. */
function pauseAfter(failure: Failure, attempt: number): number {
  const { code, message, retryAfter = 0 } = failure;
  const asked = Math.ceil(retryAfter / 1000);
  if (asked > LONGEST) {
    const hint = `the registry asks to come back in ${asked} s; the image was built and tested`;
    throw new Failure(code, message, { hint, cause: failure });
  }
  return Math.max(asked, Math.min(2 ** attempt, 30));
}

async function pushOne(
  { ref, retries }: { ref: ImageReference; retries: number },
  { image, engine, clock, registries, onPushed }: Tools,
  io: StepIO,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const { digest } = await engine.push(image, ref, { registries, ...io });
      onPushed({ ref: formatReference(ref), digest });
      await io.emit({ type: 'log', stream: 'stdout', text: `${formatReference(ref)}: ${digest}\n` });
      return;
    } catch (error) {
      const failure = asFailure(error);
      if (!failure.transient || attempt >= retries || io.signal.aborted) throw error;
      const delay = pauseAfter(failure, attempt);
      const left = `try ${attempt + 2} of ${retries + 1} in ${delay}s`;
      await io.emit({ type: 'warning', message: `${failure.message}; ${left}` });
      await clock.wait(delay * 1000, io.signal);
    }
  }
}
