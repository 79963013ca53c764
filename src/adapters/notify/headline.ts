import type { Notification } from '../../ports.js';
import { oneLine } from './line.js';

/** What happened, for people: `[app] built 1.2, latest (abc1234)`, `[app] failed (abc1234)`. */
export function headline({ state, project, images, revision }: Notification): string {
  const tags = [...new Set(images.map(({ ref }) => tagOf(ref)))].filter((tag) => tag !== '');
  const what = state === 'success' ? ['built', tags.join(', ')].filter(Boolean).join(' ') : 'failed';
  return oneLine(`[${project}] ${oneLine(what, 80)} (${shortId(revision.id)})`, 160);
}

export function shortId(commit: string): string {
  return commit.slice(0, 7);
}

function tagOf(ref: string): string {
  return /:([^:/@]+)(?:@[^/]*)?$/.exec(ref)?.[1] ?? '';
}
