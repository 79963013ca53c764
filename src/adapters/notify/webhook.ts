import { createHmac, randomUUID } from 'node:crypto';
import type { NotifyCredentials } from '../../model/credentials.js';
import { DeliveryError } from './delivery-error.js';
import { deliver, type Tell } from './delivery.js';
import { post } from './http.js';
import { webhookBody } from './webhook-body.js';

/** A signed POST of JSON to a URL of the caller's. */
export const tellWebhook: Tell<NonNullable<NotifyCredentials['webhook']>> = async (
  notification,
  { url, secret },
  delivery,
) => {
  const body = JSON.stringify(webhookBody(notification));
  // The same over all tries, so that a receiver can tell a repetition from news.
  const id = `msg_${randomUUID()}`;
  const attempt = async (signal: AbortSignal): Promise<void> => {
    const timestamp = Math.floor(delivery.clock.now().getTime() / 1000);
    const headers = webhookHeaders({ id, timestamp, body }, secret?.reveal());
    await post({ url: url.reveal(), headers, body }, { ...delivery, signal });
  };
  await deliver(attempt, delivery);
};

/** `timestamp` in seconds since the epoch, of this try. */
export type SignedContent = { id: string; timestamp: number; body: string };

/**
 * The headers of one try. With a secret they are signed in three ways: Standard Webhooks (id, time and body),
 * GitHub's `X-Hub-Signature-256` and docker-image-factory's `X-Hook-Signature` (SHA-1) of the body alone.
 */
export function webhookHeaders(content: SignedContent, secret?: string): Record<string, string> {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'buildbot',
    'webhook-id': content.id,
    'webhook-timestamp': String(content.timestamp),
  };
  if (secret === undefined || secret === '') return headers;
  const { id, timestamp, body } = content;
  const hex = (algorithm: string) => createHmac(algorithm, secret).update(body).digest('hex');
  const standard = createHmac('sha256', standardKey(secret)).update(`${id}.${timestamp}.${body}`);
  return {
    ...headers,
    'webhook-signature': `v1,${standard.digest('base64')}`,
    'x-hub-signature-256': `sha256=${hex('sha256')}`,
    'x-hook-signature': hex('sha1'),
  };
}

const PREFIX = 'whsec_';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

// github.com/standard-webhooks: after the prefix the key is in base64; any other secret is its own bytes.
function standardKey(secret: string): Buffer | string {
  if (!secret.startsWith(PREFIX)) return secret;
  const encoded = secret.slice(PREFIX.length);
  if (encoded === '' || !BASE64.test(encoded))
    throw new DeliveryError(`notify.webhook.secret begins with ${PREFIX}, but no base64 follows`);
  return Buffer.from(encoded, 'base64');
}
