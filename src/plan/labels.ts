import type { SourceRequest } from '../model/request.js';
import type { SourceRevision } from '../model/source.js';

/**
 * The labels of github.com/opencontainers/image-spec, annotations.md, that every image carries. `created` is the commit's time: the same
 * revision gives the same image, whenever it is built. A context has no URL to be a source.
 */
export function imageLabels(about: {
  source: SourceRequest;
  revision: SourceRevision;
  version: string | undefined;
  title: string;
}): Map<string, string> {
  const key = (name: string) => `org.opencontainers.image.${name}`;
  return new Map([
    [key('created'), about.revision.committedAt.toISOString().replace('.000Z', 'Z')],
    ...(about.source.kind === 'repository' ? ([[key('source'), about.source.url]] as const) : []),
    [key('revision'), about.revision.id],
    [key('version'), about.version ?? about.revision.ref ?? about.revision.id],
    [key('title'), about.title],
  ]);
}
