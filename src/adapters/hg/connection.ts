import type { RepositoryUrl } from '../../model/repository.js';
import type { RepositoryRequest } from '../../model/request.js';
import type { SourceAccess, StepIO } from '../../ports.js';
import { credentialFor } from '../vcs/credential.js';
import { proofOf, type Proofs } from '../vcs/proofs.js';
import { networkEnvironment } from './environment.js';
import { openRemote, type Remote } from './remote.js';

export type Connection = {
  repository: RepositoryUrl;
  request: RepositoryRequest;
  credentials: SourceAccess['credentials'];
  proofs: Proofs;
  server: { knownHosts: string; environment: NodeJS.ProcessEnv };
  /** Private to the build, in memory where the system has such a place. */
  directory: string;
  io: StepIO;
};

/** The repository as this caller sees it. Nothing is asked of the forge yet. Throws CREDENTIALS_INVALID. */
export function connect(connection: Connection): Remote {
  const { repository, request, credentials, proofs, server, directory, io } = connection;
  const credential = credentialFor(repository, credentials);
  const hostKeys = {
    knownHosts: `${credentials.knownHosts}\n${server.knownHosts}\n`,
    acceptNew: request.acceptNewHostKey,
  };
  const access = { repository, credential, hostKeys };
  let environment: Promise<NodeJS.ProcessEnv> | undefined;
  return openRemote({
    repository,
    environment: () => (environment ??= networkEnvironment(server.environment, directory, access)),
    directory,
    proof: proofOf(repository, credential, proofs),
    io,
  });
}
