import type { Source } from '../ports.js';
import type { Vcs } from '../model/repository.js';

/** Each request goes to the source of its version control system. */
export function createSource(sources: Record<Vcs, Source>): Source {
  return { fetch: (request, access, io) => sources[request.vcs].fetch(request, access, io) };
}
