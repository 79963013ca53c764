import type { BuildEvent, Emit } from '../../../src/model/events.js';
import { createRedactor } from '../../../src/output/redact.js';

/** One text without these secrets. */
export const redactText = (secrets: Iterable<string>, text: string): string =>
  createRedactor(secrets).text(text);

/** Events without these secrets. */
export const redactEvents = (secrets: Iterable<string>, emit: Emit<BuildEvent>): Emit<BuildEvent> =>
  createRedactor(secrets).events(emit);
