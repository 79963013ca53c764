import { Failure } from '../../model/errors.js';
import { MOST, type SourceRevision } from '../../model/source.js';
import { DamagedMirror, readWhole, type Objects } from './objects.js';

/** A commit object. `time`: the committer's, in whole seconds since the epoch. */
export type Commit = Pick<SourceRevision, 'id' | 'author' | 'message'> & { tree: string; time: number };

/** The end of the year 9999, the last that ISO 8601 shows with four digits. */
const LATEST = 253_402_300_799;

/**
 * The commit that `id` is, or that the tag `id` points to. Rejects with REVISION_NOT_FOUND when it is
 * something else, with DamagedMirror when it is not there.
 */
export async function readCommit(objects: Objects, id: string): Promise<Commit> {
  let commit: Commit | undefined;
  await readWhole(objects, [`contents ${id}^{commit}`], (header, body) => {
    if (header !== undefined) commit = parseCommit(header.id, body);
  });
  if (commit !== undefined) return commit;
  await readWhole(objects, [`info ${id}`], (header) => {
    if (header !== undefined) throw notACommit(id, header.type);
  });
  throw new DamagedMirror(`there is no ${id}`);
}

function notACommit(id: string, type: string): Failure {
  const what = type === 'tag' ? 'a tag of something that is no commit' : `a ${type}, not a commit`;
  return new Failure('REVISION_NOT_FOUND', `${id} is ${what}`);
}

// gitformat-commit: header lines, the lines of a folded one begin with a space, an empty line, the message.
function parseCommit(id: string, body: Buffer): Commit {
  const end = body.indexOf('\n\n');
  const head = end < 0 ? body : body.subarray(0, end);
  const encoding = field(head.toString('latin1'), 'encoding');
  const lines = decode(head, encoding);
  const committed = Number(/> (\d+) [+-]\d+$/.exec(field(lines, 'committer'))?.[1] ?? 0);
  return {
    id,
    tree: field(lines, 'tree'),
    author: field(lines, 'author')
      .replace(/ \d+ [+-]\d+$/, '')
      .slice(0, MOST.author),
    message:
      end < 0
        ? ''
        : decode(body.subarray(end + 2), encoding)
            .slice(0, MOST.message)
            .trimEnd(),
    time: Math.min(committed, LATEST),
  };
}

function field(head: string, name: string): string {
  return new RegExp(`^${name} (.*)$`, 'm').exec(head)?.[1] ?? '';
}

function decode(bytes: Buffer, encoding: string): string {
  try {
    return new TextDecoder(encoding || 'utf-8').decode(bytes);
  } catch {
    return bytes.toString(); // an encoding that nobody knows
  }
}
