import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../model/errors.js';
import { parseRepositoryUrl, type RepositoryUrl } from '../../model/repository.js';
import type { SourceRequest } from '../../model/request.js';
import type { FetchedSource, Source, SourceAccess, StepIO } from '../../ports.js';
import { credentialFor, fingerprint } from './credential.js';
import { localEnvironment, networkEnvironment } from './environment.js';
import { createMirrors, type Mirrors } from './mirror.js';
import { createProofs, type Proofs } from './proofs.js';
import { openRemote, type Remote } from './remote.js';
import { resolveRevision } from './resolve.js';
import { checkRevision } from './revision.js';
import { openSnapshot } from './snapshot.js';

export type GitSourceOptions = {
  /** Mirrors lie in `git` below it. They are cache: whoever removes them costs time, not a build. */
  dataDirectory: string;
  allowFileRepositories: boolean;
  /** known_hosts lines of the server's own configuration. */
  knownHosts: string;
  /** Milliseconds for which a credential that the forge accepted counts as accepted; 0: each call asks. */
  accessTtlMs: number;
  clock: { now(): Date };
  /** Of it, the search path, proxies and certificates are passed on to git, and nothing else. */
  environment: NodeJS.ProcessEnv;
};

type Parts = { options: GitSourceOptions; mirrors: Mirrors; proofs: Proofs };

/** Sources that are git repositories, through mirrors on disk. */
export function createGitSource(options: GitSourceOptions): Source {
  const root = join(options.dataDirectory, 'git');
  const parts: Parts = {
    options,
    mirrors: createMirrors(root, localEnvironment(options.environment, root)),
    proofs: createProofs({ ttlMs: options.accessTtlMs, clock: options.clock }),
  };
  return { fetch: (request, access, io) => fetchSource(request, access, { ...parts, io }) };
}

async function fetchSource(
  request: SourceRequest,
  access: SourceAccess,
  { io, ...parts }: Parts & { io: StepIO },
): Promise<FetchedSource> {
  const repository = permitted(request.url, parts.options);
  if (request.revision !== undefined) checkRevision(request.revision);
  const scratch = await mkdtemp(join(access.workspace, 'git-'));
  const disposal = new AbortController();
  const signal = AbortSignal.any([io.signal, disposal.signal]);
  const cleanup = async (): Promise<void> => {
    disposal.abort(new Error('the source was disposed'));
    await rm(scratch, { recursive: true, force: true });
  };
  try {
    const remote = remoteFor(request, access, {
      ...parts,
      repository,
      scratch,
      io: { emit: io.emit, signal },
    });
    const mirror = parts.mirrors.of(repository);
    const { id, ...name } = await resolveRevision(request.revision, { repository, remote, mirror, signal });
    const held = await mirror.obtain(id, remote, signal);
    const environment = localEnvironment(parts.options.environment, scratch);
    const snapshot = await openSnapshot(held, { mirror, remote, scratch, environment, signal });
    return {
      revision: { ...snapshot.revision, ...name },
      tree: snapshot.tree,
      async [Symbol.asyncDispose]() {
        disposal.abort(new Error('the source was disposed'));
        await snapshot.close();
        await cleanup();
      },
    };
  } catch (error) {
    await cleanup();
    throw error;
  }
}

function permitted(url: string, { allowFileRepositories }: GitSourceOptions): RepositoryUrl {
  const repository = parseRepositoryUrl(url);
  if (repository.kind !== 'file' || allowFileRepositories) return repository;
  throw new Failure(
    'DENIED',
    `${repository.display}: this runner builds no repositories of its own file system`,
    {
      hint: 'give an ssh or https URL, or set BUILDBOT_ALLOW_FILE_REPOS',
    },
  );
}

type Session = Omit<Parts, 'mirrors'> & { repository: RepositoryUrl; scratch: string; io: StepIO };

function remoteFor(
  request: SourceRequest,
  { credentials }: SourceAccess,
  { options, proofs, repository, scratch, io }: Session,
): Remote {
  const credential = credentialFor(repository, credentials.git);
  const proof = fingerprint(repository, credential);
  const hostKeys = {
    knownHosts: `${credentials.knownHosts}\n${options.knownHosts}\n`,
    acceptNew: request.acceptNewHostKey,
  };
  let environment: Promise<NodeJS.ProcessEnv> | undefined;
  return openRemote({
    repository,
    environment: () =>
      (environment ??= networkEnvironment(options.environment, scratch, {
        repository,
        credential,
        hostKeys,
      })),
    directory: scratch,
    proof: { isFresh: () => proofs.isFresh(proof), remember: () => proofs.remember(proof) },
    io,
  });
}
