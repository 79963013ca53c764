import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRepositoryUrl } from '../../model/repository.js';
import type { RepositoryRequest } from '../../model/request.js';
import type { Depot, FetchedSource, Source, SourceAccess, Spools, StepIO } from '../../ports.js';
import { dateEntries } from '../vcs/dates.js';
import { checkPermitted } from '../vcs/permission.js';
import { createProofs, type Proofs } from '../vcs/proofs.js';
import { createCaches, type Caches } from './cache.js';
import { connect } from './connection.js';
import { localEnvironment } from './environment.js';
import { resolveRevision } from './resolve.js';
import { checkRevision, nameOf } from './revision.js';
import { checkSubrepositories, openTree } from './tree.js';

export type HgSourceOptions = {
  /** Of caches: whoever removes them costs time, not a build. */
  depot: Depot;
  allowFileRepositories: boolean;
  /** known_hosts lines of the server's own configuration. */
  knownHosts: string;
  /** Milliseconds for which a credential that the forge accepted counts as accepted; 0: each call asks. */
  accessTtlMs: number;
  clock: { elapsed(): number };
  /** Keeps the files of the revision for the time of the build. */
  spools: Spools;
  /** Of it, the search path, proxies and certificates are passed on to hg, and nothing else. */
  environment: NodeJS.ProcessEnv;
};

type Parts = { options: HgSourceOptions; caches: Caches; proofs: Proofs };

/** Sources that are Mercurial repositories, through caches on disk. */
export function createHgSource(options: HgSourceOptions): Source {
  const { depot } = options;
  const parts: Parts = {
    options,
    caches: createCaches(depot, localEnvironment(options.environment, depot.root)),
    proofs: createProofs({ ttlMs: options.accessTtlMs, clock: options.clock }),
  };
  return { fetch: (request, access, io) => fetchSource(request, access, { ...parts, io }) };
}

async function fetchSource(
  request: RepositoryRequest,
  { credentials, workspace, scratch }: SourceAccess,
  { options, caches, proofs, io }: Parts & { io: StepIO },
): Promise<FetchedSource> {
  const repository = parseRepositoryUrl(request.url);
  checkPermitted(repository, options);
  if (request.revision !== undefined) checkRevision(request.revision);
  const directory = await mkdtemp(join(workspace, 'hg-'));
  try {
    const remote = connect({ repository, request, credentials, proofs, server: options, directory, io });
    const { name, ...found } = await resolveRevision(request.revision, { repository, remote });
    const place = { remote, cache: caches.of(repository), spools: options.spools, scratch, io };
    const { tree, changeset } = await openTree(found.node, place);
    const dispose = (): Promise<void> => Promise.resolve(tree[Symbol.asyncDispose]());
    await checkSubrepositories(tree, request, io).catch(async (error: unknown) => {
      await dispose();
      throw error;
    });
    await dateEntries(await tree.entries(), place.cache.datesFile);
    const { branch, time, ...described } = changeset;
    const ref = name === undefined ? {} : nameOf(name, found, branch);
    return {
      revision: { ...described, ...ref, committedAt: new Date(time * 1000) },
      tree,
      [Symbol.asyncDispose]: dispose,
    };
  } finally {
    // Nothing asks the forge again: the files are copied.
    await rm(directory, { recursive: true, force: true });
  }
}
