import { noCredentials, secretsOf, type NotifyCredentials } from '../../model/credentials.js';
import { Failure } from '../../model/errors.js';
import type { NotifyChannel } from '../../model/project.js';
import type { Clock, Notification, Notifier } from '../../ports.js';
import { DeliveryError } from './delivery-error.js';
import type { Delivery, Tell } from './delivery.js';
import { tellEmail } from './email.js';
import { tellGithub } from './github.js';
import { oneLine } from './line.js';
import { tellSlack } from './slack.js';
import { tellWebhook } from './webhook.js';

export type NotifierOptions = {
  clock: Clock;
  /** Milliseconds that one try may take; default 10 s. */
  timeout?: number;
  /** PEM certificates that are trusted in place of the system's. */
  ca?: string;
};

/** Milliseconds. */
export const TRY = 10_000;

type Channels = {
  [Name in NotifyChannel]: {
    /** The key of its part of the credentials document that no other can stand for. */
    key: keyof NonNullable<NotifyCredentials[Name]> & string;
    /** It shows states, so it is told of the beginning too. */
    pending: boolean;
    tell: Tell<NonNullable<NotifyCredentials[Name]>>;
  };
};

const channels: Channels = {
  github: { key: 'token', pending: true, tell: tellGithub },
  slack: { key: 'url', pending: false, tell: tellSlack },
  webhook: { key: 'url', pending: true, tell: tellWebhook },
  email: { key: 'smtp', pending: false, tell: tellEmail },
};

/** The channels of docs/reference/notifications.md. Rejects with an Error of one line without secrets. */
export function createNotifier({ clock, timeout = TRY, ca }: NotifierOptions): Notifier {
  return {
    async notify(channel, notification, { credentials, signal }) {
      const delivery = { clock, timeout, signal, ...(ca !== undefined && { ca }) };
      try {
        await tell(channel, notification, { credentials, delivery });
      } catch (error) {
        throw reported(error, channel, { credentials, signal });
      }
    },
  };
}

async function tell<Name extends NotifyChannel>(
  name: Name,
  notification: Notification,
  { credentials, delivery }: { credentials: NotifyCredentials; delivery: Delivery },
): Promise<void> {
  const channel: Channels[Name] = channels[name];
  if (notification.state === 'pending' && !channel.pending) return;
  const credential = credentials[name];
  if (credential === undefined)
    throw new DeliveryError(`notify.${name}.${channel.key} is not in the credentials document`);
  await channel.tell(notification, credential, delivery);
}

// Once aborted, whatever error comes is the abort. A server may repeat in its answer what it was sent. No
// cause goes along: an error of a library holds the request, and with it the secret.
function reported(
  error: unknown,
  channel: NotifyChannel,
  { credentials, signal }: { credentials: NotifyCredentials; signal: AbortSignal },
): Error {
  const timeout = signal.reason instanceof Failure && signal.reason.code === 'TIMEOUT';
  if (timeout) return new Error(`${channel}: ${signal.reason.message}`);
  if (signal.aborted) return new Error(`${channel}: stopped before it was delivered`);
  const message = error instanceof Error ? error.message : String(error);
  const secrets = secretsOf({ ...noCredentials, notify: credentials });
  const safe = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), message);
  return new Error(oneLine(safe.startsWith('notify.') ? safe : `${channel}: ${safe}`, 300));
}
