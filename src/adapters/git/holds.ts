import type { Store } from './store.js';

/** A commit that stays in its store for the time of a build. */
export interface HeldCommit {
  commit: string;
  store: Store;
  /** Safe twice. */
  release(): void;
}

/** Who uses what, in this process. */
export interface Holds {
  /** Keeps `commit` in all `stores` from now on, in the one that `find` gives until it is released. */
  hold(stores: readonly Store[], commit: string, find: () => Promise<Store>): Promise<HeldCommit>;
  isHeld(store: Store, commit: string): boolean;
  /** Throws the store of `held` away, unless that was done since it was held. */
  discard(held: HeldCommit): Promise<void>;
}

export function createHolds(): Holds {
  const counts = new Map<string, number>();
  const discarded = new Map<string, number>();
  const ages = new WeakMap<HeldCommit, number>();
  const key = (store: Store, commit: string): string => `${store.directory} ${commit}`;
  const add = (name: string, change: number): void => {
    const count = (counts.get(name) ?? 0) + change;
    if (count === 0) counts.delete(name);
    else counts.set(name, count);
  };
  const age = (store: Store): number => discarded.get(store.directory) ?? 0;
  return {
    async hold(stores, commit, find) {
      const names = stores.map((store) => key(store, commit));
      for (const name of names) add(name, 1);
      const release = (): void => {
        for (const name of names.splice(0)) add(name, -1);
      };
      try {
        const store = await find();
        const held = { commit, store, release };
        ages.set(held, age(store));
        return held;
      } catch (error) {
        release();
        throw error;
      }
    },
    isHeld: (store, commit) => counts.has(key(store, commit)),
    async discard(held) {
      if (age(held.store) !== ages.get(held)) return;
      discarded.set(held.store.directory, age(held.store) + 1);
      await held.store.discard();
    },
  };
}
