import type { z } from 'zod';
import { locate, type Located } from './located.js';
import { type Path, quote, type Refuse } from './refuse.js';

/** One thing that is wrong, below a value that was checked. */
type Issue = {
  code: string;
  path: readonly PropertyKey[];
  message: string;
  keys?: string[];
  errors?: Issue[][];
};
type Problem = { path: Path; offset: number; why: string; missing: boolean };

/** A schema's own output, or the first thing that is wrong, where it stands. */
export function check<T extends z.ZodType>(
  schema: T,
  plain: unknown,
  { value, path, refuse }: { value: Located; path: Path; refuse: Refuse },
): z.output<T> {
  const result = schema.safeParse(plain);
  if (result.success) return result.data;
  const problems = (result.error.issues as Issue[]).map(decisive).map((issue) => describe(issue, value));
  // A misspelt key explains the one that is missing, so it comes first; else the order of the file.
  const [first] = problems.toSorted((a, b) => Number(a.missing) - Number(b.missing) || a.offset - b.offset);
  throw refuse({ offset: first!.offset, path: [...path, ...first!.path] }, first!.why);
}

// A union's own message stands for all of its forms. Where the value has one of these forms, that one's issue says more.
function decisive(issue: Issue): Issue {
  const forms = (issue.errors ?? []).filter((issues) => issues.some((inner) => !isWrongKind(inner)));
  const [nearest, other] = forms.toSorted((a, b) => a.length - b.length);
  if (!nearest || nearest.length === other?.length) return issue;
  const inner = nearest.find(({ code }) => code === 'unrecognized_keys') ?? nearest[0]!;
  return decisive({ ...inner, path: [...issue.path, ...inner.path] });
}

function isWrongKind({ code, path }: Issue): boolean {
  return code === 'invalid_type' && path.length === 0;
}

function describe({ code, path, message, keys }: Issue, root: Located): Problem {
  const at = path as Path;
  if (code === 'unrecognized_keys') return atKey(root, [...at, keys![0]!], message);
  if (code === 'invalid_key') return atKey(root, at, message);
  const found = locate(root, at);
  if (!found) {
    const parent = locate(root, at.slice(0, -1)) ?? root;
    return { path: at, offset: parent.offset, why: `missing; it takes ${message}`, missing: true };
  }
  const why = code === 'custom' ? message : `it takes ${message}, not ${shown(found)}`;
  return { path: at, offset: found.offset, why, missing: false };
}

function atKey(root: Located, path: Path, why: string): Problem {
  const parent = locate(root, path.slice(0, -1));
  const entry = parent?.kind === 'map' ? parent.entries.get(String(path.at(-1))) : undefined;
  return { path, offset: entry?.keyOffset ?? root.offset, why, missing: false };
}

function shown(value: Located): string {
  if (value.kind === 'text') return quote(value.text);
  if (value.kind !== 'map') return value.kind === 'null' ? 'nothing' : 'a list';
  const keys = [...value.entries.keys()];
  return keys.length === 0 ? 'an empty map' : `a map of ${keys.slice(0, 4).map(quote).join(', ')}`;
}
