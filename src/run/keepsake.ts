/** How many are kept, of one owner and of all, and for how long (milliseconds). Each holds up to 4 MiB of log. */
const MOST = { each: 8, all: 32 };
const LONGEST = 3_600_000;

/** The newest few things of each owner by name, each for an hour. Nobody can push out what belongs to who has fewer. */
export type Keepsake<T> = {
  keep(place: Place, thing: T): void;
  forget(place: Place): void;
  all(): T[];
};

export type Place = { owner: string; name: string };

type Kept<T> = Place & { thing: T; timer: NodeJS.Timeout };

export function createKeepsake<T>(): Keepsake<T> {
  // In order of arrival.
  let kept: Kept<T>[] = [];
  const forget = ({ owner, name }: Place): void => {
    const found = kept.find((one) => one.owner === owner && one.name === name);
    clearTimeout(found?.timer);
    kept = kept.filter((one) => one !== found);
  };
  const held = (owner: string) => kept.filter((one) => one.owner === owner);
  const greediest = () =>
    kept.map(({ owner }) => held(owner)).reduce((a, b) => (b.length > a.length ? b : a));
  return {
    keep({ owner, name }, thing) {
      forget({ owner, name });
      const timer = setTimeout(() => forget({ owner, name }), LONGEST).unref();
      kept.push({ owner, name, thing, timer });
      if (held(owner).length > MOST.each) forget(held(owner)[0]!);
      if (kept.length > MOST.all) forget(greediest()[0]!);
    },
    forget,
    all: () => kept.map(({ thing }) => thing),
  };
}
