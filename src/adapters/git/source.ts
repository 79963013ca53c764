import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRepositoryUrl } from '../../model/repository.js';
import type { RepositoryRequest } from '../../model/request.js';
import type { Depot, FetchedSource, Source, SourceAccess, StepIO } from '../../ports.js';
import { checkPermitted } from '../vcs/permission.js';
import { createProofs, type Proofs } from '../vcs/proofs.js';
import { localEnvironment } from './environment.js';
import { createMirrors, trimMirror, type Mirrors } from './mirror.js';
import { openRevision, type GitServer } from './open.js';
import { checkRevision } from './revision.js';

export type GitSourceOptions = GitServer & {
  /** Of mirrors. They are cache: whoever removes them costs time, not a build. */
  depot: Depot;
  /** Milliseconds for which a credential that the forge accepted counts as accepted; 0: each call asks. */
  accessTtlMs: number;
  clock: { elapsed(): number };
};

type Parts = { options: GitSourceOptions; mirrors: Mirrors; proofs: Proofs };

/** Sources that are git repositories, through mirrors on disk. */
export function createGitSource(options: GitSourceOptions): Source {
  const { depot } = options;
  const parts: Parts = {
    options,
    mirrors: createMirrors(depot, localEnvironment(options.environment, depot.root)),
    proofs: createProofs({ ttlMs: options.accessTtlMs, clock: options.clock }),
  };
  return { fetch: (request, access, io) => fetchSource(request, access, { ...parts, io }) };
}

/** Makes a mirror of `depot` smaller, for when room is short. What builds use stays. */
export async function trimGitMirror(
  depot: Depot,
  name: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  await trimMirror(depot, name, localEnvironment(environment, depot.root));
}

async function fetchSource(
  request: RepositoryRequest,
  access: SourceAccess,
  { io, ...parts }: Parts & { io: StepIO },
): Promise<FetchedSource> {
  const main = parseRepositoryUrl(request.url);
  checkPermitted(main, parts.options);
  if (request.revision !== undefined) checkRevision(request.revision);
  const scratch = await mkdtemp(join(access.workspace, 'git-'));
  const disposal = new AbortController();
  const signal = AbortSignal.any([io.signal, disposal.signal]);
  const cleanup = async (): Promise<void> => {
    disposal.abort(new Error('the source was disposed'));
    await rm(scratch, { recursive: true, force: true });
  };
  try {
    const { credentials } = access;
    const { revision, tree, close } = await openRevision({
      ...{ ...parts, request, main, credentials, scratch, io: { emit: io.emit, signal } },
      abandon: (reason) => disposal.abort(reason),
    });
    return {
      revision,
      tree,
      async [Symbol.asyncDispose]() {
        disposal.abort(new Error('the source was disposed'));
        await close();
        await cleanup();
      },
    };
  } catch (error) {
    await cleanup();
    throw error;
  }
}
