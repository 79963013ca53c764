import { describe, expect, it } from 'vitest';
import type { BuildEvent, EventOf } from '../../../src/model/events.js';
import { resultSchema, type BuildResult } from '../../../src/model/result.js';
import { receiptOf, signResults } from '../../../src/output/receipt.js';
import { redactEvents } from './redacting.js';

const time = '2026-01-01T00:00:00.000Z';
const digest = `sha256:${'d'.repeat(64)}`;
const result: BuildResult = {
  version: 1,
  id: 'b1',
  status: 'succeeded',
  exitCode: 0,
  source: {
    repo: 'https://forge.example/a.git',
    ref: 'main',
    revision: 'abc',
    committedAt: time,
    author: 'Ada',
  },
  images: [
    {
      project: 'app',
      name: 'registry.example/app',
      id: 'sha256:1',
      digest,
      size: 5,
      platform: 'linux/amd64',
      refs: [{ ref: 'registry.example/app:1', pushed: true, digest }],
    },
  ],
  published: [{ to: 's3', url: 's3://bucket/app', files: 2, bytes: 10 }],
  steps: [{ name: 'image', status: 'succeeded', seconds: 1.5 }],
  queuedAt: time,
  finishedAt: time,
};
const eventOf = (fields: Partial<BuildResult> = {}): EventOf<'result'> => ({
  ...{ type: 'result', time, build: 'b1' },
  ...{ ...result, ...fields },
});

const teller = {
  version: '1.2.3',
  caller: 'SHA256:abc',
  flags: { target: ['a', 'é"\n'], 'builder-image': ['evil'], test: [{ sha256: 'ff' }] },
};

/** The result as it comes out, signed by a notary that only repeats what it was given. */
async function told(event: BuildEvent, secrets: string[] = []): Promise<Record<string, unknown>> {
  const events: BuildEvent[] = [];
  const notary = { ...teller, sign: (text: string) => `signed: ${text}` };
  await redactEvents(
    secrets,
    signResults(notary, (one) => void events.push(one)),
  )(event);
  return events.at(-1)!;
}

/** The same value with the keys of all its objects the other way round. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map((part: unknown) => reversed(part)) as T;
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, part]) => [key, reversed(part) as unknown] as const);
  return Object.fromEntries(entries.toReversed()) as T;
}

describe('receiptOf', () => {
  it('is one line with sorted keys, and says what was made from what, for whom and how', () => {
    expect(receiptOf(result, teller)).toBe(
      `{"caller":"SHA256:abc","exitCode":0,"finishedAt":"${time}",` +
        `"flags":{"builder-image":["evil"],"target":["a","é\\"\\n"],"test":[{"sha256":"ff"}]},"id":"b1",` +
        `"images":[{"digest":"${digest}","id":"sha256:1","name":"registry.example/app","project":"app",` +
        `"refs":[{"digest":"${digest}","pushed":true,"ref":"registry.example/app:1"}]}],` +
        `"published":[{"bytes":10,"files":2,"to":"s3","url":"s3://bucket/app"}],"runner":{"version":"1.2.3"},` +
        `"source":{"ref":"main","repo":"https://forge.example/a.git","revision":"abc"},` +
        `"status":"succeeded","type":"buildbot-receipt","version":1}`,
    );
  });

  it('is the same whatever the order of the keys that it is made from', () => {
    expect(Object.keys(reversed(result))[0]).toBe('finishedAt');
    expect(receiptOf(reversed(result), reversed(teller))).toBe(receiptOf(result, teller));
  });

  it('stays one line, whatever a caller puts into a name', () => {
    const source = { ...result.source!, ref: 'a\n"}\r\u2028b' };
    const receipt = receiptOf({ ...result, source }, teller);
    expect(receipt).not.toMatch(/[\r\n]/);
    expect(JSON.parse(receipt)).toMatchObject({ source: { ref: source.ref } });
  });
});

describe('signResults', () => {
  it('signs the line with its end, and the result keeps to its schema', async () => {
    const event = await told(eventOf());
    expect(event.signature).toBe(`signed: ${event.receipt as string}\n`);
    expect(event).toMatchObject({ receipt: receiptOf(result, teller) });
    resultSchema.parse(event);
  });

  it('signs what the caller sees: a secret is masked before', async () => {
    const source = { ...result.source!, repo: 'https://tok3n-in-url@forge.example/a.git' };
    const event = await told(eventOf({ source }), ['tok3n-in-url']);
    expect(event).toMatchObject({ source: { repo: 'https://***@forge.example/a.git' } });
    expect(JSON.stringify(event)).not.toContain('tok3n');
    expect(event.receipt).toContain('"repo":"https://***@forge.example/a.git"');
  });

  it('signs what was published where there is no image', async () => {
    expect(await told(eventOf({ images: [] }))).toHaveProperty('signature');
  });

  it.each<[string, BuildEvent]>([
    ['a failure', eventOf({ status: 'failed', exitCode: 4 })],
    ['a plan', eventOf({ images: [], published: [] })],
    ['other events', { type: 'warning', time, build: 'b1', message: 'careful' }],
  ])('leaves alone %s', async (_, event) => {
    expect(await told(event)).toEqual(event);
  });

  it('leaves all alone where there is no host key', async () => {
    const events: BuildEvent[] = [];
    await signResults(teller, (one) => void events.push(one))(eventOf());
    expect(events).toEqual([eventOf()]);
  });
});
