import type { SourceRevision } from '../../model/source.js';
import { suggest } from '../../model/suggest.js';
import { quote } from './refuse.js';
import { unfit } from './unfit.js';

/** What a tag can be made of. */
export type TaggedRevision = Pick<SourceRevision, 'id' | 'ref' | 'refKind' | 'committedAt'>;

const placeholders = {
  branch: ({ ref, refKind }: TaggedRevision) => (refKind === 'branch' && ref ? tagFromName(ref) : undefined),
  tag: ({ ref, refKind }: TaggedRevision) => (refKind === 'tag' && ref ? tagFromName(ref) : undefined),
  sha: ({ id }: TaggedRevision) => id,
  short: ({ id }: TaggedRevision) => id.slice(0, 7),
  date: ({ committedAt }: TaggedRevision) => committedAt.toISOString().slice(0, 10).replaceAll('-', ''),
};

type Placeholder = keyof typeof placeholders;
const PLACEHOLDER = /\{([^{}]*)\}/g;
const MAX_TAG = 128;
const TAG = /^\w[\w.-]{0,127}$/;

/** Gives the template back if it makes a valid tag. Throws a Failure that says what is wrong with it. */
export function tagTemplate(text: string): string {
  const names = [...text.matchAll(PLACEHOLDER)].map((match) => match[1]!);
  const unknown = names.find((name) => !Object.hasOwn(placeholders, name));
  if (unknown !== undefined) throw unfit(unknownPlaceholder(unknown));
  // What a placeholder becomes begins like an x, and what a long branch makes too long is cut.
  if (!TAG.test(text.replace(PLACEHOLDER, 'x')))
    throw unfit(
      `${quote(text)} makes no tag; a tag has at most 128 letters, digits, _, . and -, and starts with none of . and -`,
    );
  return text;
}

function unknownPlaceholder(name: string): string {
  const near = name.length > 64 ? undefined : suggest(name, Object.keys(placeholders));
  const all = Object.keys(placeholders).map((known) => `{${known}}`);
  const meant = near === undefined ? '' : `did you mean {${near}}? `;
  return `${quote(`{${name}}`)} is no placeholder; ${meant}Accepted: ${all.join(', ')}`;
}

/**
 * A tag from its template. undefined where the revision lacks what the template asks for: `{branch}` of a build by tag or commit
 * id, `{tag}` of one without a tag.
 */
export function renderTag(template: string, revision: TaggedRevision): string | undefined {
  let complete = true;
  const tag = template.replace(PLACEHOLDER, (_, name: Placeholder) => {
    const value = placeholders[name](revision);
    complete &&= value !== undefined && value !== '';
    return value ?? '';
  });
  return complete ? tag.slice(0, MAX_TAG) : undefined;
}

/** All tags of a project, each once; the commit id where its templates give none. */
export function renderTags(
  templates: readonly string[],
  revision: TaggedRevision,
): readonly [string, ...string[]] {
  const tags = templates.flatMap((template) => renderTag(template, revision) ?? []);
  const [first = revision.id, ...others] = new Set(tags);
  return [first, ...others];
}

/** A branch's or tag's name as a registry takes it: `feature/é` → `feature--`. May be empty. */
function tagFromName(name: string): string {
  return name
    .replace(/[^\w.-]/gu, '-')
    .replace(/^[.-]+/, '')
    .slice(0, MAX_TAG);
}
