import type { Matching, ProjectSpec } from '../../model/project.js';
import { readDocument } from '../../yaml/document.js';
import { type LocatedEntry, type LocatedMap, toPlain } from './located.js';
import { check } from './problem.js';
import { placesOf, toProject, warningsOf } from './project.js';
import { resolveReferences } from './references.js';
import { type NamePlace, placesIn, quote, refuseIn, type Refuse } from './refuse.js';
import { PROJECT_NAME, projectSchema } from './schema.js';
import { settingsSchema } from './settings.js';
import { toTree } from './tree.js';

export type BuildYml = { settings: { matching?: Matching }; projects: readonly ProjectSpec[] };

const SETTINGS = 'settings';

/**
 * The text of build.yml → its settings, and its projects in their order; a file of settings alone has none.
 * `file` is how messages name it. Throws Failure BUILD_YML_INVALID: one line with file, line, column, key and what is accepted.
 */
export function parseBuildYml(text: string, file = 'build.yml'): BuildYml {
  const content = text.replace(/^\uFEFF/, '');
  const place = placesIn(file, content);
  const refuse = refuseIn(place);
  const root = resolveReferences(readRoot(content, refuse), refuse);
  const settings = root.entries.get(SETTINGS);
  const projects = [...root.entries].filter(([name]) => name !== SETTINGS);
  return {
    settings: settings ? readSettings(settings, refuse) : {},
    projects: projects.map(([name, entry]) => readProject(name, entry, { refuse, place })),
  };
}

function readRoot(text: string, refuse: Refuse): LocatedMap {
  const root = toTree(
    readDocument(text, ({ offset, why }) => refuse({ offset, path: [] }, why)),
    refuse,
  );
  const place = { offset: root.offset, path: [] };
  if (root.kind === 'null' || (root.kind === 'map' && root.entries.size === 0))
    throw refuse(place, 'it is empty; it takes at least a project: NAME:');
  if (root.kind !== 'map') throw refuse(place, `it takes projects by their names, not a ${root.kind}`);
  return root;
}

function readProject(
  name: string,
  { keyOffset, value }: LocatedEntry,
  { refuse, place }: { refuse: Refuse; place: NamePlace },
): ProjectSpec {
  if (!PROJECT_NAME.test(name))
    throw refuse(
      { offset: keyOffset, path: [name] },
      `${quote(name)} is no project's name: at most 100 letters, digits and ._-, a letter or digit first`,
    );
  // `redis:` alone is a project with all defaults.
  const plain = value.kind === 'null' ? {} : toPlain(value);
  const fields = check(projectSchema, plain, { value, path: [name], refuse });
  const offsets = { keyOffset, value };
  return {
    ...toProject(name, fields, { value, refuse }),
    places: placesOf(name, offsets, place),
    warnings: warningsOf(name, offsets, place),
  };
}

function readSettings({ value }: LocatedEntry, refuse: Refuse): BuildYml['settings'] {
  if (value.kind === 'null') return {};
  const { matching } = check(settingsSchema, toPlain(value), { value, path: [SETTINGS], refuse });
  if (matching === undefined) return {};
  const { branches = [], patterns = [], tags = false } = matching;
  return { matching: { branches, patterns, tags } };
}
