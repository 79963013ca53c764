import type { NotifyCredentials } from '../model/credentials.js';
import type { NotifyChannel } from '../model/project.js';
import type { Notification, Notifier, StepIO } from '../ports.js';

export type NotifyTools = { notifier: Notifier; credentials: NotifyCredentials };

/** Tells every channel, side by side. One that fails is a warning and changes nothing. */
export async function notifyChannels(
  { channels, notification }: { channels: readonly NotifyChannel[]; notification: Notification },
  { notifier, credentials }: NotifyTools,
  io: StepIO,
): Promise<void> {
  const tell = async (channel: NotifyChannel) => {
    try {
      await notifier.notify(channel, notification, { credentials, signal: io.signal });
      await io.emit({ type: 'log', stream: 'stdout', text: `${channel}: ${notification.state}\n` });
    } catch (error) {
      await io.emit({
        type: 'warning',
        message: `not notified: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  };
  await Promise.all(channels.map(tell));
}
