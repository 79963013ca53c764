import { Failure } from '../../model/errors.js';
import type { ProjectSpec } from '../../model/project.js';
import { locate, type Located, type LocatedEntry } from './located.js';
import type { NamePlace, Refuse } from './refuse.js';
import { imageIn, imageOfProject } from './registry.js';
import { elsewhere, type ProjectFields } from './schema.js';

/** The project as the plan knows it. Throws where its keys contradict each other. */
export function toProject(
  name: string,
  fields: ProjectFields,
  { value, refuse }: { value: Located; refuse: Refuse },
): ProjectSpec {
  const { dockerfilePath, dockerfile, revfile, build } = fields;
  const image = withPlace(
    () => imageOf(name, fields),
    (why) => {
      const key = fields.image === undefined ? 'registry' : 'image';
      const { offset } = locate(value, [key]) ?? value;
      return refuse({ offset, path: [name, key] }, why);
    },
  );
  return {
    name,
    ...(image !== undefined && { image }),
    tags: unique(fields.tags),
    ...(dockerfilePath && { contextPath: dockerfilePath }),
    ...(dockerfile !== undefined && { dockerfile }),
    ...(revfile !== undefined && { revfile }),
    ...(build && { builder: build }),
    args: new Map(Object.entries(fields.args ?? {})),
    secrets: unique(fields.secrets),
    tests: fields['after-build'] ?? [],
    publish: fields.publish ?? [],
    notify: unique(fields.notify),
  };
}

/** Keys whose values can turn out to be wrong when the source is looked at. */
const CHECKED_LATER = ['dockerfilePath', 'dockerfile', 'revfile', 'build.dockerfile'];

/** As ProjectSpec has them. */
export function placesOf(
  name: string,
  { keyOffset, value }: LocatedEntry,
  place: NamePlace,
): Map<string, string> {
  const places = new Map([['', place({ offset: keyOffset, path: [name] })]]);
  for (const key of CHECKED_LATER) {
    const path = key.split('.');
    const found = locate(value, path);
    if (found) places.set(key, place({ offset: found.offset, path: [name, ...path] }));
  }
  return places;
}

/** A line for each key that meant something to another server, and means nothing here. */
export function warningsOf(name: string, { value }: LocatedEntry, place: NamePlace): string[] {
  const entries = value.kind === 'map' ? [...value.entries] : [];
  return entries.flatMap(([key, { keyOffset }]) =>
    Object.hasOwn(elsewhere, key)
      ? [
          `${place({ offset: keyOffset, path: [name, key] })}: ignored: ${elsewhere[key as keyof typeof elsewhere]}`,
        ]
      : [],
  );
}

/** undefined where the file says neither: then the caller's --image counts, or the project's name. */
function imageOf(name: string, { registry, image }: ProjectFields): string | undefined {
  if (registry === undefined) return image;
  return image === undefined ? imageOfProject(registry, name) : imageIn(registry, image);
}

function withPlace<T>(read: () => T, failure: (why: string) => Failure): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Failure ? failure(error.message) : error;
  }
}

function unique<T>(values: readonly T[] = []): readonly T[] {
  return [...new Set(values)];
}
