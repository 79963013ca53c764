import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/model/events.js';
import { searchTexts } from '../../../src/output/text-search.js';
import { redactEvents, redactText } from './redacting.js';

const base = { time: '2026-01-01T00:00:00.000Z', build: 'b' };

async function redactedLog(secrets: string[], pieces: Iterable<string>): Promise<string[]> {
  const out: string[] = [];
  const emit = redactEvents(secrets, (event) => void (event.type === 'log' && out.push(event.text)));
  for (const text of pieces) await emit({ type: 'log', ...base, step: 'image', stream: 'stdout', text });
  await emit({ type: 'step.finished', ...base, step: 'image', status: 'succeeded', seconds: 1 });
  return out;
}

/** Text without repetitions, the same each time. */
function noise(length: number, seed: number): string {
  let text = '';
  for (let state = seed; text.length < length; state = (state * 48271) % 0x7fffffff)
    text += state.toString(36);
  return text.slice(0, length);
}

function* pieces(text: string, length: number): Generator<string> {
  for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length);
}

describe('secrets of all kinds', () => {
  it.each([
    ['that look like a pattern', ['^a.*[b](c)|d\\e$+?{2}-/'], 'x ^a.*[b](c)|d\\e$+?{2}-/ y', 'x *** y'],
    ['that look like a replacement', ["$&$1$`$'"], "x $&$1$`$' y", 'x *** y'],
    ['that overlap', ['abcdefgh', 'efghijkl', 'jklmnop'], 'x abcdefghijklmnop y', 'x *** y'],
    ['one in another', ['abcdefgh', 'abcdefghijkl'], 'x abcdefghijkl abcdefgh y', 'x *** *** y'],
    ['side by side', ['abcdefgh'], 'abcdefghabcdefgh', '******'],
    ['outside of ASCII', ['größe-😀'], 'x größe-😀😀 gr%C3%B6%C3%9Fe-%F0%9F%98%80', 'x ***😀 ***'],
    ['of few characters', ['pw', 'a.b'], 'pw pws spw a.b aa.b a.bc (pw)', '*** pws spw *** aa.b a.bc (***)'],
    ['in the name of an object', ['__proto__', 'constructor'], '{"__proto__": constructor}', '{"***": ***}'],
    ['of space alone', [' ', '\n\t'], 'a b\n\tc', 'a b\n\tc'],
  ])('%s', (_, secrets, text, expected) => {
    expect(redactText(secrets, text)).toBe(expected);
  });

  it('a common word, or a sign, makes a text three times as long at most', () => {
    const text = 'the error: a . , .... the a\n'.repeat(1000);
    expect(redactText(['a', '.', ',', 'the', 'error'], text).length).toBeLessThan(3 * text.length);
  });

  it('values of a build arg or label that is named like what programs rely on', async () => {
    const seen: BuildEvent[] = [];
    const emit = redactEvents(['s3cr3t-value'], (event) => void seen.push(event));
    const maps = { buildArgs: { version: 's3cr3t-value' }, labels: { name: 's3cr3t-value' } };
    const project = {
      project: 'p',
      refs: [],
      push: true,
      steps: [{ step: 'image' as const, ...maps }],
      notify: [],
    };
    await emit({ type: 'plan', ...base, steps: [], projects: [project] });
    expect(JSON.stringify(seen)).not.toContain('s3cr3t');
    expect(JSON.stringify(seen)).toContain('"step":"image"');
  });
});

describe('many and large secrets', () => {
  it('five thousand', () => {
    const secrets = Array.from({ length: 5000 }, (_, n) => `${noise(12, n + 1)}-${n}`);
    const text = secrets.map((secret) => `${noise(50, 7)} ${secret}\n`).join('');
    expect(redactText(secrets, text)).toBe(`${noise(50, 7)} ***\n`.repeat(5000));
  });

  it('five thousand with one beginning', () => {
    const secrets = Array.from({ length: 5000 }, (_, n) => `${'a'.repeat(40)}-${n}`);
    expect(redactText(secrets, `${'a'.repeat(50_000)}-77`)).toBe(`${'a'.repeat(49_960)}***`);
  });

  it('JSON of ten thousand lines, whole, by the line and in base64', () => {
    const keys = Array.from({ length: 10_000 }, (_, n): [string, string] => [`k${n}`, noise(20, n + 1)]);
    const secret = JSON.stringify(Object.fromEntries(keys), null, 2);
    expect(redactText([secret], `x ${secret} y`)).toBe('x *** y');
    const emitted = keys.slice(0, 10).map(([key, value]) => redactText([secret], `"${key}": "${value}",`));
    expect(new Set(emitted)).toEqual(new Set(['***']));
    expect(redactText([secret], Buffer.from(`a:${secret}`).toString('base64'))).toBe('***');
  });

  it.each([
    ['of a MiB', Array.from({ length: 2 ** 15 }, (_, n) => noise(28, n + 1)).join(' +/%')],
    ['of a MiB of one letter', 'x'.repeat(2 ** 20)],
  ])('one %s', async (_, secret) => {
    const encodings = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
    for (const text of encodings) {
      expect(redactText([secret], text)).toBe('***');
      const log = (await redactedLog([secret], pieces(text, 5000))).join('');
      expect(log).toMatch(/^(?:\*\*\*)+$/);
      expect(log.length).toBeLessThan(10_000);
    }
  });

  it('one of a MiB holds little of the log back', async () => {
    const out = await redactedLog([noise(2 ** 20, 1)], Array<string>(20).fill('. '.repeat(500)));
    expect(out.length).toBeGreaterThan(15);
  });
});

const letter = fc.constantFrom('a', 'b', '😀');
const text = (maxLength: number) => fc.array(letter, { maxLength }).map((letters) => letters.join(''));

it('property: finds what a look at each place finds', () => {
  const wanted = fc.array(
    text(8).filter((one) => one !== ''),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(wanted, text(60), (texts, haystack) => {
      const covered = new Set<number>();
      for (const one of texts) {
        for (let at = haystack.indexOf(one); at >= 0; at = haystack.indexOf(one, at + 1)) {
          for (let n = at; n < at + one.length; n++) covered.add(n);
        }
      }
      const spans = searchTexts(new Set(texts))(haystack);
      const found = spans.flatMap(({ start, end }) =>
        Array.from({ length: end - start }, (_, n) => start + n),
      );
      expect(found).toEqual([...covered].toSorted((a, b) => a - b));
    }),
  );
});

it('property: however the log is cut, it is redacted as a whole', async () => {
  const secrets = [noise(150, 3), `${noise(20, 3)}/${noise(30, 5)}`, `${noise(30, 5)}-more`, 'pw', 'a.b'];
  const word = fc.constantFrom(
    ...secrets,
    ...secrets.map((secret) => Buffer.from(`u:${secret}`).toString('base64')),
    ...[secrets[0]!.slice(0, 70), secrets[0]!.slice(20), ' ', '.', 'x', '\n', 'a line', '%'],
  );
  const log = fc.array(word, { maxLength: 12 }).map((words) => words.join(''));
  await fc.assert(
    fc.asyncProperty(log, fc.array(fc.nat(2000), { maxLength: 12 }), async (whole, cuts) => {
      const at = [0, ...cuts.map((cut) => cut % (whole.length + 1)).toSorted((a, b) => a - b), whole.length];
      const parts = at.slice(1).map((end, index) => whole.slice(at[index], end));
      expect((await redactedLog(secrets, parts)).join('')).toBe(redactText(secrets, whole));
    }),
    { numRuns: 1000 },
  );
});
