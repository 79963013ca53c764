import { Failure } from '../../model/errors.js';
import type { ProjectSpec } from '../../model/project.js';
import { locate, type Located } from './located.js';
import type { Refuse } from './refuse.js';
import { imageIn, imageOfProject } from './registry.js';
import type { ProjectFields } from './schema.js';

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
