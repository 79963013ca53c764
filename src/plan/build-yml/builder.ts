import { z } from 'zod';
import type { BuilderSpec } from '../../model/project.js';
import { command } from './command.js';
import { closed, list, text } from './fields.js';
import { cacheInContainer, file, inContainer } from './places.js';
import { imageReference } from './registry.js';

/** `build`, in its two forms. */
export const build = z
  .union(
    [
      closed("a map of 'dockerfile' and 'extract'", {
        dockerfile: file.describe('Dockerfile of the builder image, relative to the context'),
        extract: inContainer.describe('path in the builder image that becomes the context'),
      }),
      closed("a map of 'image' and 'command'", {
        image: text('an image to build in, like node:24', imageReference).describe(
          'image in whose container the command runs, with the source at /project',
        ),
        command: command.describe('a text runs with sh -c, a list without a shell'),
        extract: inContainer
          .optional()
          .describe('path in the container that becomes the context; default: /project'),
        cache: list('a list of directories in the container, like [/root/.npm]', cacheInContainer)
          .optional()
          .describe('directories in the container that are kept for the next build'),
      }),
    ],
    { error: "'dockerfile' and 'extract', or 'image' and 'command' (and 'extract', 'cache')" },
  )
  .transform((form): BuilderSpec => {
    if ('dockerfile' in form) return { kind: 'dockerfile', ...form };
    const { extract = '/project', cache = [], ...rest } = form;
    return { kind: 'image', ...rest, extract, cache: [...new Set(cache)] };
  });
