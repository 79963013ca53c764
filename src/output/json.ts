import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import type { Pump } from './pump.js';

/** One event per line. A log event that holds several lines becomes several. */
export function createJsonRenderer(out: Pump): Emit<BuildEvent> {
  return (event) => out(event.type === 'log' ? logLines(event) : `${JSON.stringify(event)}\n`);
}

function logLines(event: EventOf<'log'>): string {
  const text = event.text.endsWith('\n') ? event.text.slice(0, -1) : event.text;
  if (!text.includes('\n')) return `${JSON.stringify({ ...event, text })}\n`;
  // All that the lines share is written once: a million lines cost a million small stringifications.
  const [head, tail] = JSON.stringify({ ...event, text: '' }).split('"text":""');
  return text
    .split('\n')
    .map((line) => `${head}"text":${JSON.stringify(line)}${tail}\n`)
    .join('');
}
