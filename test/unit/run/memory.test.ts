import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { CallerGone } from '../../../src/model/caller.js';
import { request, submission, world } from './world.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Runs a build to its end, and gives a reference to what its caller lent that keeps nothing alive. */
async function build(w: ReturnType<typeof world>, flags: string, leave = false): Promise<WeakRef<object>> {
  const line = new AbortController();
  const asked = request(flags);
  const ended = w.builds.submit(
    asked,
    submission(() => undefined, AbortSignal.any([line.signal])),
  );
  if (leave) line.abort(new CallerGone());
  await ended;
  return new WeakRef(asked);
}

describe('what a caller lent', () => {
  it.each([
    ['a build', '', false],
    ['a build that failed', '--context-path nope', false],
    ['a build whose caller went away', '', true],
    ['a build whose verdict is kept', '--on-disconnect detach', true],
  ])('is not held in memory after %s', async (_, flags, leave) => {
    // An error holds what its stack was made of.
    const w = world({ options: { onFailure: () => undefined } });
    const lent = await build(w, flags, leave);
    // The engine of the language lets go of an async function's last values in a later turn.
    await setImmediate();
    collect();
    expect(lent.deref()).toBeUndefined();
  });
});
