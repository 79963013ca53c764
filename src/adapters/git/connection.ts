import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepositoryUrl } from '../../model/repository.js';
import type { RepositoryRequest } from '../../model/request.js';
import type { SourceAccess, StepIO } from '../../ports.js';
import { credentialFor } from '../vcs/credential.js';
import { checkPermitted } from '../vcs/permission.js';
import { proofOf, type Proofs } from '../vcs/proofs.js';
import { networkEnvironment } from './environment.js';
import type { Mirror, Mirrors } from './mirror.js';
import { openRemote, type Remote } from './remote.js';

/** One repository as one build sees it. */
export type Connection = {
  repository: RepositoryUrl;
  remote: Remote;
  mirror: Mirror;
  /** A directory for this repository alone, in memory where the system has one. */
  scratch: string;
};

/** Opens a repository for the build: the one that was asked for, or one that this one names. */
export type Connect = (repository: RepositoryUrl) => Promise<Connection>;

/** What whoever runs the runner decides about all repositories. */
export type GitServer = {
  allowFileRepositories: boolean;
  /** known_hosts lines of the server's own configuration. */
  knownHosts: string;
  /** Of it, the search path, proxies and certificates are passed on to git, and nothing else. */
  environment: NodeJS.ProcessEnv;
};

export type ConnectionSettings = {
  options: GitServer;
  mirrors: Mirrors;
  proofs: Proofs;
  request: RepositoryRequest;
  /** The repository that was asked for. The caller's token belongs to its origin. */
  main: RepositoryUrl;
  credentials: SourceAccess['credentials'];
  /** A private directory of the build. */
  scratch: string;
  io: StepIO;
};

/** Nothing is asked of a forge yet. Rejects with DENIED or CREDENTIALS_INVALID. */
export function createConnect(settings: ConnectionSettings): Connect {
  return async (repository) => {
    checkPermitted(repository, settings.options);
    const { scratch: parent, main, mirrors } = settings;
    const scratch = repository === main ? parent : await mkdtemp(join(parent, 'at-'));
    const remote = remoteOf(repository, { ...settings, scratch });
    return { repository, remote, mirror: mirrors.of(repository), scratch };
  };
}

function remoteOf(repository: RepositoryUrl, settings: ConnectionSettings): Remote {
  const { main, credentials, request, options, proofs, scratch, io } = settings;
  const { token, ...others } = credentials.git;
  const isTokensOrigin = token !== undefined && repository.origin === main.origin;
  const git = { ...others, ...(isTokensOrigin && { token }) };
  const credential = credentialFor(repository, { ...credentials, git });
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
    proof: proofOf(repository, credential, proofs),
    io,
  });
}
