import { endpoint } from '@octokit/endpoint';
import type { NotifyCredentials } from '../../model/credentials.js';
import { Failure } from '../../model/errors.js';
import { parseRepositoryUrl, type RepositoryUrl } from '../../model/repository.js';
import type { Notification } from '../../ports.js';
import { DeliveryError } from './delivery-error.js';
import { deliver, type Tell } from './delivery.js';
import { post, type Post } from './http.js';
import { oneLine } from './line.js';
import { repositoryPath } from './repository.js';

type GithubCredential = NonNullable<NotifyCredentials['github']>;

/** A description may have 140 characters (docs.github.com/rest/commits/statuses). */
const MAX_DESCRIPTION = 140;

/** A commit status, `buildbot/PROJECT`, on GitHub or a GitHub Enterprise server. */
export const tellGithub: Tell<GithubCredential> = async (notification, credential, delivery) => {
  const request = statusRequest(notification, credential);
  await deliver((signal) => post(request, { ...delivery, signal }, messageOf), delivery);
};

/** POST /repos/{owner}/{repo}/statuses/{sha}. Throws where the repository cannot be one of GitHub's. */
export function statusRequest(notification: Notification, { token, apiUrl }: GithubCredential): Post {
  const { state, project, revision, summary, url } = notification;
  const { owner, name, apiRoot } = githubRepository(notification.repo, apiUrl);
  const request = endpoint('POST /repos/{owner}/{repo}/statuses/{sha}', {
    baseUrl: apiRoot,
    owner,
    repo: name,
    sha: revision.id,
    state,
    context: `buildbot/${project}`,
    description: oneLine(summary, MAX_DESCRIPTION),
    ...(url !== undefined && { target_url: url }),
    headers: {
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      'user-agent': 'buildbot',
      authorization: `Bearer ${token.reveal()}`,
    },
  });
  return {
    url: request.url,
    headers: request.headers as Record<string, string>,
    body: JSON.stringify(request.body),
  };
}

/** Owner, name and API of the repository at `repo`; a server of one's own is trusted with the token only where `apiUrl` names it. */
export function githubRepository(
  repo: string,
  apiUrl?: string,
): { owner: string; name: string; apiRoot: string } {
  const repository = parse(repo);
  const apiRoot = apiUrl?.replace(/(?<!\/)\/+$/, '') ?? apiRootOf(repository);
  const [owner, name, ...rest] = repositoryPath(repo).split('/');
  const isGit = repository.vcs.suggested === 'git';
  const named =
    isGit && [owner, name].every((part) => part !== undefined && /^(?!\.{1,2}$)[\w.-]+$/.test(part));
  if (apiRoot === undefined || !named || rest.length > 0) throw notOnGithub(repository.display);
  return { owner: owner!, name: name!, apiRoot };
}

function parse(repo: string): RepositoryUrl {
  try {
    return parseRepositoryUrl(repo);
  } catch (error) {
    if (error instanceof Failure) throw notOnGithub(repo);
    throw error;
  }
}

function apiRootOf({ host }: RepositoryUrl): string | undefined {
  // ssh.github.com is github.com for who may only use port 443.
  if (host === 'github.com' || host === 'ssh.github.com') return 'https://api.github.com';
  // GitHub Enterprise Cloud with data residency.
  return host?.endsWith('.ghe.com') ? `https://api.${host}` : undefined;
}

function notOnGithub(repo: string): DeliveryError {
  const shown = oneLine(repo.replace(/:\/\/[^/]*@/, '://'), 100);
  return new DeliveryError(
    `'${shown}' is not a repository on GitHub; a GitHub Enterprise server is named by notify.github.apiUrl`,
  );
}

// Every error of the API is an object with a message.
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? oneLine(message, 120) : '';
  } catch {
    return '';
  }
}
