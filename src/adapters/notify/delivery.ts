import type { Clock, Notification } from '../../ports.js';
import { retryAfter } from '../retry-after.js';
import { DeliveryError } from './delivery-error.js';

/** How a notification is sent, whatever the channel. */
export type Delivery = {
  clock: Clock;
  /** Milliseconds that one try may take. */
  timeout: number;
  signal: AbortSignal;
  /** PEM certificates that are trusted in place of the system's. */
  ca?: string;
};

/** Tells one channel, with its part of the credentials document; rejects with a DeliveryError. */
export type Tell<Credential> = (
  notification: Notification,
  credential: Credential,
  delivery: Delivery,
) => Promise<void>;

/** One try. It stops, and rejects, when the signal aborts. */
export type Attempt = (signal: AbortSignal) => Promise<void>;

export const TRIES = 3;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** Tries until it works, at most three times, again only after what may pass by itself. */
export async function deliver(attempt: Attempt, delivery: Delivery): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await withinDeadline(attempt, delivery);
    } catch (error) {
      delivery.signal.throwIfAborted();
      if (tried === TRIES || !(error instanceof DeliveryError) || !error.transient) throw error;
      await delivery.clock.wait(pauseAfter(error, tried, delivery.clock), delivery.signal);
      delivery.signal.throwIfAborted();
    }
  }
}

async function withinDeadline(attempt: Attempt, { timeout, signal }: Delivery): Promise<void> {
  signal.throwIfAborted();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeout);
  try {
    await attempt(AbortSignal.any([signal, deadline.signal]));
  } catch (error) {
    // Whatever the cut connection said.
    if (!deadline.signal.aborted) throw error;
    throw new DeliveryError(`no answer within ${timeout / 1000} s`, { transient: true });
  } finally {
    clearTimeout(timer);
  }
}

function pauseAfter(error: DeliveryError, tried: number, clock: Clock): number {
  const asked = retryAfter(error.retryAfter, clock.now());
  if (asked > LONGEST_PAUSE)
    throw new DeliveryError(`${error.message}, and asks to wait ${Math.ceil(asked / 1000)} s`);
  return Math.max(asked, FIRST_PAUSE * 2 ** (tried - 1));
}
