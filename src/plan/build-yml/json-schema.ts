import { z } from 'zod';
import { PROJECT_NAME, projectSchema } from './schema.js';
import { settingsSchema } from './settings.js';

/** The JSON Schema (draft-07, which editors know) of what `parseBuildYml` takes. */
export function buildYmlJsonSchema(): object {
  const file = z
    .object({ settings: settingsSchema.nullable().optional() })
    .catchall(projectSchema.nullable())
    .meta({
      title: 'build.yml',
      description: 'what buildbot builds from a repository: projects by their names',
      propertyNames: { pattern: PROJECT_NAME.source },
    });
  return z.toJSONSchema(file, { io: 'input', target: 'draft-7' });
}
