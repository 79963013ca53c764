import type { NotifyCredentials } from '../../model/credentials.js';
import type { Notification } from '../../ports.js';
import { deliver, type Tell } from './delivery.js';
import { headline, shortId } from './headline.js';
import { post, type Post } from './http.js';
import { firstLine, oneLine } from './line.js';

/** A message to an incoming webhook of Slack, or of what speaks like it (Mattermost, Rocket.Chat). */
export const tellSlack: Tell<NonNullable<NotifyCredentials['slack']>> = async (
  notification,
  { url },
  delivery,
) => {
  const message: Post = {
    url: url.reveal(),
    headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'buildbot' },
    body: JSON.stringify(slackMessage(notification)),
  };
  await deliver((signal) => post(message, { ...delivery, signal }, errorWord), delivery);
};

export type SlackMessage = {
  text: string;
  attachments: { color: 'good' | 'danger'; fallback: string; mrkdwn_in: ['text']; text: string }[];
};

/** docs.slack.dev: the text as mrkdwn, and the details in an attachment, which alone can have a colour. */
export function slackMessage(notification: Notification): SlackMessage {
  const { state, url, summary, images } = notification;
  const title = headline(notification);
  const lines = [
    escape(oneLine(summary, 500)),
    ...images.slice(0, 20).map(({ ref }) => `\`${escape(oneLine(ref, 300))}\``),
    escape(commitLine(notification)),
  ];
  return {
    text: url === undefined ? `*${escape(title)}*` : `*<${link(url)}|${escape(title)}>*`,
    attachments: [
      {
        color: state === 'success' ? 'good' : 'danger',
        fallback: title,
        mrkdwn_in: ['text'],
        text: lines.join('\n'),
      },
    ],
  };
}

function commitLine({ revision }: Notification): string {
  const where = revision.ref === undefined ? '' : ` on ${oneLine(revision.ref, 100)}`;
  const author = oneLine(revision.author.replace(/<[^<>]*>\s*$/, ''), 80);
  return `${shortId(revision.id)}${where} by ${author}: ${firstLine(revision.message)}`;
}

/** The three characters that mean something: `<!channel>` in a commit message must not call everybody. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function link(url: string): string {
  return escape(url.replaceAll('|', '%7C').replaceAll(/[\u0000-\u0020]/g, ''));
}

// Slack names what is wrong with a word (no_service, channel_is_archived). Any other text is not Slack's: it
// might be anything inside the network, and is not shown to the caller.
function errorWord(text: string): string {
  return /^[a-z_]{1,60}$/.test(text.trim()) ? text.trim() : '';
}
