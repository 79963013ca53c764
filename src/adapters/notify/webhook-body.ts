import type { Notification } from '../../ports.js';
import { repositoryPath } from './repository.js';

/** What docs/reference/notifications.md shows. Keys may be added; none goes or changes in version 1. */
export type WebhookBody = {
  version: 1;
  event: 'build';
  state: Notification['state'];
  build: string;
  project: string;
  repo: string;
  revision: {
    id: string;
    ref?: string;
    refKind?: 'branch' | 'tag';
    committedAt: string;
    author: string;
    message: string;
  };
  images: readonly { ref: string; digest: string }[];
  summary: string;
  url?: string;
} & ImageFactoryBody;

/** The keys of docker-image-factory's hook (lib/notification/posthook.js), for its receivers. */
type ImageFactoryBody = {
  type: 'builder';
  name: 'image-factory';
  status: 'pending' | 'success' | 'failed';
  git: { owner: string; repo: string; ref: string; commit: string };
  result: { image?: string };
};

/** The body of a webhook. Key by key: what else an object may carry stays here. */
export function webhookBody(notification: Notification): WebhookBody {
  const { state, build, project, repo, revision, images, summary, url } = notification;
  return {
    version: 1,
    event: 'build',
    state,
    build,
    project,
    repo,
    revision: {
      id: revision.id,
      ...(revision.ref !== undefined && { ref: revision.ref }),
      ...(revision.refKind !== undefined && { refKind: revision.refKind }),
      committedAt: revision.committedAt.toISOString(),
      author: revision.author,
      message: revision.message,
    },
    images: images.map(({ ref, digest }) => ({ ref, digest })),
    summary,
    ...(url !== undefined && { url }),
    ...imageFactoryBody(notification),
  };
}

function imageFactoryBody({ state, repo, revision, images }: Notification): ImageFactoryBody {
  const parts = repositoryPath(repo).split('/');
  const name = parts.pop() ?? '';
  return {
    type: 'builder',
    name: 'image-factory',
    status: state === 'failure' ? 'failed' : state,
    git: { owner: parts.join('/'), repo: name, ref: revision.ref ?? revision.id, commit: revision.id },
    result: images[0] === undefined ? {} : { image: images[0].ref },
  };
}
