import type { Depot } from '../../ports.js';
import type { Store } from './store.js';

/** A commit that stays in its store for the time of a build. */
export interface HeldCommit {
  commit: string;
  store: Store;
  /** Safe twice. */
  release(): Promise<void>;
}

export type Holding = { depot: Depot; name: string; commit: string; signal: AbortSignal };

/** Keeps `commit` in all stores of the mirror `name` from now on, whoever tidies, until it is released; `find` says in which it is. */
export async function holdCommit(
  { depot, name, commit, signal }: Holding,
  find: () => Promise<Store>,
): Promise<HeldCommit> {
  const hold = await depot.hold(name, commit, signal);
  try {
    const store = await find();
    const held = { commit, store, release: () => hold.release() };
    identities.set(held, await store.identity());
    return held;
  } catch (error) {
    await hold.release();
    throw error;
  }
}

/** Throws the store of `held` away, unless another build, of whatever runner, has done that since it was held. */
export async function discardHeld(held: HeldCommit): Promise<void> {
  if ((await held.store.identity()) === identities.get(held)) await held.store.discard();
}

const identities = new WeakMap<HeldCommit, string>();
