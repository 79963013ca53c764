import { Failure } from '../model/errors.js';
import { suggest } from '../model/suggest.js';
import type { BuildHandle } from '../run/builds.js';
import type { Invocation, Services } from './invocation.js';

/** The build of that name which this caller may see. Throws USAGE where no name is given, and BUILD_NOT_FOUND. */
export function findBuild(
  id: string | undefined,
  { caller, local }: Invocation,
  { builds, startedAt }: Services,
): BuildHandle {
  if (id === undefined)
    throw new Failure('USAGE', 'the id of the build is missing', { hint: "'status' lists the builds" });
  const build = builds.find(id, caller);
  if (build) return build;
  const shown = id.slice(0, 64);
  if (local)
    throw new Failure('BUILD_NOT_FOUND', `this process has no build '${shown}'`, {
      hint: 'the builds of a server are reached over ssh',
    });
  const near = suggest(
    shown,
    builds.list(caller).map((status) => status.id),
  );
  const hint = near === undefined ? {} : { hint: `did you mean '${near}'?` };
  const since = startedAt.toISOString().replace(/\.\d+/, '');
  throw new Failure(
    'BUILD_NOT_FOUND',
    `no build '${shown}' of yours is known since this runner started (${since})`,
    hint,
  );
}
