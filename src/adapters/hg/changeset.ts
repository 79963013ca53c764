import { MOST, type SourceRevision } from '../../model/source.js';

/** A changeset. `time`: in whole seconds since the epoch. */
export type Changeset = Pick<SourceRevision, 'id' | 'author' | 'message'> & { branch: string; time: number };

/** The end of the year 9999, the last that ISO 8601 shows with four digits. */
const LATEST = 253_402_300_799;

/** Parses `hg log -T json` of one changeset. */
export function parseChangeset(text: string): Changeset {
  const [found] = JSON.parse(text) as [
    { node: string; branch: string; user: string; desc: string; date: [seconds: number, zone: number] },
  ];
  const { node, branch, user, desc, date } = found;
  const time = Math.min(Math.max(Math.trunc(date[0]), 0), LATEST);
  return {
    id: node,
    branch,
    author: user.slice(0, MOST.author),
    message: desc.slice(0, MOST.message).trimEnd(),
    time,
  };
}
