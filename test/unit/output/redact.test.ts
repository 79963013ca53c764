import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/model/events.js';
import { redactEvents, redactText } from './redacting.js';

const base = { time: '2026-01-01T00:00:00.000Z', build: 'b' };
const log = (text: string): BuildEvent => ({ type: 'log', ...base, step: 'image', stream: 'stdout', text });

async function redactedLog(secrets: string[], pieces: string[]): Promise<string> {
  let out = '';
  const emit = redactEvents(secrets, (event) => {
    if (event.type === 'log') out += event.text;
  });
  for (const piece of pieces) await emit(log(piece));
  await emit({ type: 'step.finished', ...base, step: 'image', status: 'succeeded', seconds: 1 });
  return out;
}

const SECRET = 's3cr3t+value/with=odd&chars';

describe('redaction', () => {
  it.each([
    ['as it is', `token ${SECRET}!`],
    ['URL-encoded', `https://x/?t=${encodeURIComponent(SECRET)}&u`],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['user:password in base64', `Authorization: Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}`],
    ['in the middle of base64', Buffer.from(`{"auth":"${SECRET}","x":1}`).toString('base64')],
    ['base64url', Buffer.from(`ab${SECRET}`).toString('base64url')],
    ['JSON', JSON.stringify({ a: SECRET })],
  ])('finds a secret %s', (_, text) => {
    const redacted = redactText([SECRET], text);
    expect(redacted).toContain('***');
    for (const piece of text.match(/[\w+/%=-]{9,}/g) ?? []) {
      if (Buffer.from(piece, 'base64').includes('s3cr3t') || piece.includes('s3cr3t'))
        expect(redacted).not.toContain(piece);
    }
  });

  it('replaces each line of a key, but not its armour', () => {
    const key = '-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----\n';
    expect(redactText([key], `x -----BEGIN KEY-----\n  AAAABBBBCCCC\n`)).toBe(
      'x -----BEGIN KEY-----\n  ***\n',
    );
  });

  it('replaces a short secret only where it stands alone', () => {
    expect(redactText(['pw'], 'pw=pw; spawn')).toBe('***=***; spawn');
  });

  it('finds a long secret in base64 that is wrapped into lines', () => {
    const secret = Array.from({ length: 20 }, (_, n) => `part-${n}-of-it`).join('/');
    for (const prefix of ['', 'x', 'xy', 'a longer beginning: ']) {
      const lines = Buffer.from(prefix + secret)
        .toString('base64')
        .match(/.{1,76}/g)!;
      const redacted = lines.map((line) => `#5 0.1 ${line}`).map((line) => redactText([secret], line));
      for (const line of redacted.slice(0, -1)) expect(line).toMatch(/^#5 0\.1 \*\*\*$/);
    }
  });

  it('leaves alone what programs rely on', async () => {
    const seen: BuildEvent[] = [];
    const emit = redactEvents(['push', 'succeeded', '1'], (event) => void seen.push(event));
    const event: BuildEvent = {
      type: 'step.finished',
      ...base,
      step: 'push',
      status: 'succeeded',
      seconds: 1,
    };
    await emit(event);
    expect(seen).toEqual([event]);
  });

  it('reaches every string of every event', async () => {
    const seen: BuildEvent[] = [];
    const emit = redactEvents([SECRET], (event) => void seen.push(event));
    await emit({ type: 'warning', ...base, message: `m ${SECRET}` });
    await emit({ type: 'plan', ...base, steps: [{ step: 'push', what: SECRET }], projects: [] });
    expect(JSON.stringify(seen)).not.toContain('s3cr3t');
  });

  it('survives every cut of the text into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 12 }), fc.nat(20), async (cuts, pad) => {
        const text = `${'x'.repeat(pad)} ${SECRET} middle ${Buffer.from(`u:${SECRET}`).toString('base64')} ${SECRET}${SECRET}\nnext ${SECRET} line`;
        const at = [0, ...cuts.map((cut) => cut % text.length).toSorted((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
        expect(await redactedLog([SECRET], pieces)).toBe(redactText([SECRET], text));
      }),
    );
  });

  it('holds back nothing of whole lines', async () => {
    const seen: string[] = [];
    const emit = redactEvents([SECRET], (event) => void (event.type === 'log' && seen.push(event.text)));
    await emit(log('a line that ends\n'));
    expect(seen).toEqual(['a line that ends\n']);
  });
});
