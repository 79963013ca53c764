import type { Notification } from '../../ports.js';
import { DeliveryError } from './delivery-error.js';
import { headline } from './headline.js';
import { firstLine, oneLine } from './line.js';

export type EmailMessage = { from: string; to: readonly string[]; subject: string; text: string };

/** The word that stands for the author's address in `notify.email.to`. */
const COMMITTER = 'committer';
const ADDRESS =
  /^[^\s<>()[\]\\,;:@"\u0000-\u001f\u007f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/;

/** The mail about a build. Throws where nobody is left to write to. */
export function emailMessage(
  notification: Notification,
  { from, to }: { from: string; to: readonly string[] },
): EmailMessage {
  const { state, summary } = notification;
  const reason = state === 'failure' ? `: ${oneLine(summary, 100)}` : '';
  return {
    from: sender(from),
    to: recipients(to, notification.revision.author),
    subject: headline(notification) + reason,
    text: emailText(notification),
  };
}

function emailText(notification: Notification): string {
  const { build, repo, revision, images, summary, url } = notification;
  const ref = revision.ref === undefined ? '' : ` (${oneLine(revision.ref, 200)})`;
  const paragraphs = [
    oneLine(summary, 1000),
    images.map((image) => `${image.ref}@${image.digest}`).join('\n'),
    [
      `Repository: ${oneLine(repo, 300)}`,
      `Revision:   ${revision.id}${ref}`,
      `Author:     ${oneLine(revision.author, 200)}`,
      `Message:    ${firstLine(revision.message)}`,
      `Build:      ${build}`,
    ].join('\n'),
    url ?? '',
  ];
  return `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
}

function sender(from: string): string {
  const address = /<([^<>]*)>\s*$/.exec(from)?.[1] ?? from.trim();
  if (!ADDRESS.test(address)) throw new DeliveryError('notify.email.from is not an address');
  return oneLine(from, 400);
}

function recipients(to: readonly string[], author: string): string[] {
  const committer = committerAddress(author);
  const addresses = to.flatMap((entry) => (entry === COMMITTER ? (committer ?? []) : entry.trim()));
  const wrong = addresses.find((address) => !ADDRESS.test(address));
  if (wrong !== undefined)
    throw new DeliveryError(`'${oneLine(wrong, 80)}' in notify.email.to is not an address`);
  if (addresses.length > 0) return [...new Set(addresses)];
  throw new DeliveryError(
    to.length > 0 ? "the revision's author has no address to write to" : 'notify.email.to is empty',
  );
}

/** The address in `Name <address>`, whoever wrote it there: exactly one, and one that somebody reads. */
export function committerAddress(author: string): string | undefined {
  const address = /^[^<>\r\n]*<([^<>]*)>\s*$/.exec(author)?.[1];
  if (address === undefined || !ADDRESS.test(address)) return undefined;
  // What forges write for who hides the address: users.noreply.github.com, users.noreply.gitlab.com.
  return /@users\.noreply\./i.test(address) ? undefined : address;
}
