import { parseArgs } from 'node:util';
import { fixtures } from './fixtures/index.js';
import { wayNames, type WayName } from './fixtures/fixture.js';

/** Cases beside those of the fixtures. */
const extras = ['at-once', 'tiny'];
const names = [...fixtures.map(({ name }) => name), ...extras];

export type Selection = {
  wants: (name: string) => boolean;
  /** Of each fixture; without it, its own number. */
  rounds?: number;
  ways: readonly WayName[];
  /** No case and no way is left out, so that this is what RESULTS.md is about. */
  whole: boolean;
};

/** `--only F1,at-once --rounds 2 --ways ours,limit`. Throws on what it does not know. */
export function readSelection(words: string[]): Selection {
  const { values } = parseArgs({
    args: words,
    options: { only: { type: 'string' }, rounds: { type: 'string' }, ways: { type: 'string' } },
  });
  const only = values.only?.split(',') ?? names;
  const ways = values.ways?.split(',') ?? wayNames;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  refuseOthers('--only', only, names);
  refuseOthers('--ways', ways, wayNames);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new Error('--rounds: a number from 1');
  return {
    wants: (name) => only.includes(name),
    ...(rounds !== undefined && { rounds }),
    ways: ways as WayName[],
    whole: values.only === undefined && values.ways === undefined,
  };
}

function refuseOthers(flag: string, given: readonly string[], known: readonly string[]): void {
  for (const name of given)
    if (!known.includes(name)) throw new Error(`${flag} ${name}: accepted are ${known.join(', ')}`);
}
