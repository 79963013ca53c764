import type { SourceRevision } from '../model/source.js';

/**
 * The labels of github.com/opencontainers/image-spec, annotations.md, that every image carries. `created` is the commit's time: the same
 * revision gives the same image, whenever it is built.
 */
export function imageLabels(about: {
  url: string;
  revision: SourceRevision;
  version: string | undefined;
  title: string;
}): Map<string, string> {
  const key = (name: string) => `org.opencontainers.image.${name}`;
  return new Map([
    [key('created'), about.revision.committedAt.toISOString().replace('.000Z', 'Z')],
    [key('source'), about.url],
    [key('revision'), about.revision.id],
    [key('version'), about.version ?? about.revision.ref ?? about.revision.id],
    [key('title'), about.title],
  ]);
}
