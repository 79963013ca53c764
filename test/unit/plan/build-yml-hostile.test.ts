import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Failure } from '../../../src/model/errors.js';
import { checkTag } from '../../../src/model/reference.js';
import { parseBuildYml } from '../../../src/plan/build-yml/parse.js';
import { renderTag, tagTemplate } from '../../../src/plan/build-yml/tags.js';
import { refused } from './build-yml-refused.js';

const MiB = 2 ** 20;
const fill = (text: string): string => text.repeat(Math.floor(MiB / text.length));
const lines = (count: number, line: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(n)).join('\n');

/** Each has cost a parser of YAML memory, time or its process before. */
const bombs: Record<string, string> = {
  'too large': fill('#') + 'x\n'.repeat(10),
  'ten MiB': '{'.repeat(10 * MiB),
  'open maps': fill('{'),
  'open lists': fill('['),
  'block lists': fill('- '),
  'explicit keys': fill('? '),
  'explicit flow keys': fill('{? '),
  'maps in lists': fill('[a: {b: '),
  stairs: lines(1400, (n) => `${' '.repeat(n)}a:`),
  'many keys': lines(100_000, (n) => `a${n}: b`),
  'many equal keys': fill('a:\n'),
  'many documents': fill('---\n'),
  'many directives': fill('%A\n'),
  'stray brackets': fill(']'),
  'stray quotes': fill('" \n'),
  'many anchors': fill('&a '),
  'many aliases': `a: &a []\nb: [${'*a,'.repeat(30_000)}]`,
  'billion laughs': `a0: &a0 [x]\n${lines(40, (n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}, *a${n}]`)}`,
  'a long chain of aliases': `a0: &a0 [x]\n${lines(3000, (n) => `a${n + 1}: &a${n + 1} [*a${n}]`)}`,
  'billion merges': `a0: &a0 { x: y }\n${lines(40, (n) => `a${n + 1}: &a${n + 1} { k${n}: z, <<: [*a${n}, *a${n}] }`)}`,
  'wide merges': `a: &a { ${lines(3000, (n) => `k${n}: v`).replaceAll('\n', ', ')} }\n${lines(3000, (n) => `b${n}: { <<: *a }`)}`,
  'billion references': `a0: { args: { A: xxxxxxxxxx } }\n${lines(40, (n) => `a${n + 1}: { args: { A: '${`{{ a${n}.args.A }}`.repeat(9)}' } }`)}`,
  'one long reference': `a: { args: { A: ${'x'.repeat(300_000)} } }\nb: { args: { B: '${'{{a.args.A}}'.repeat(40_000)}' } }`,
  'many references to a map': `a: { args: { ${lines(3000, (n) => `k${n}: v`).replaceAll('\n', ', ')} } }\n${lines(3000, (n) => `b${n}: '{{ a }}'`)}`,
  'a long chain of references': `a0:\n${lines(3000, (n) => `a${n + 1}: '{{ a${n} }}'`)
    .split('\n')
    .reverse()
    .join('\n')}`,
  'a name of many dots': `a: { args: { A: '{{ ${'a.'.repeat(200_000)}a }}' } }`,
  'half references': `a: { image: '${'{{a'.repeat(300_000)}' }`,
  'references with spaces': `a: { image: "{{${' '.repeat(900_000)}" }`,
  'a long unknown key': `a: { ${'k'.repeat(1000)}: x }`,
  'a long image': `a: { image: ${'a-'.repeat(500_000)} }`,
  'a long registry': `a: { registry: ${'a-'.repeat(500_000)}.b }`,
  'a long tag': `a: { tags: ['${'{x'.repeat(300_000)}'] }`,
  'a long number': `a: { tags: [${'9'.repeat(900_000)}x] }`,
  'open block text': `a: { image: "${'\\\n'.repeat(40_000)}`,
};

describe('hostile files', () => {
  it.each(Object.entries(bombs))('%s', { timeout: 20_000 }, (_, text) => {
    expect(refused(text)).toMatch(/^build\.yml:\d+:\d+: [^\n]{1,600}$/);
  });

  it('a legal file of much text is taken', { timeout: 20_000 }, () => {
    const text = `a: { args: { A: "${'x'.repeat(900_000)}" } }\n${'# comment\n'.repeat(10_000)}`;
    expect(parseBuildYml(text).projects[0]!.args.get('A')).toHaveLength(900_000);
  });

  // Few enough tokens to be composed: left to itself, the composer's recursion aborts the process.
  it.each([
    '['.repeat(5000),
    `a: ${'['.repeat(9000)}${']'.repeat(9000)}`,
    '{'.repeat(5000),
    '{'.repeat(20_000),
  ])('deep nesting, case %#', (text) => {
    expect(refused(text)).toMatch(/: it is nested too deeply$/);
  });

  it('pollutes nothing', () => {
    refused('a: { constructor: { prototype: { polluted: x } } }');
    refused('a: { args: { <<: { __proto__: { polluted: x } } } }');
    parseBuildYml('constructor: { args: { prototype: x, valueOf: y } }');
    expect({}).not.toHaveProperty('polluted');
  });
});

/** Returns, or throws the one failure; anything else is a bug. */
function holds(text: string): void {
  try {
    for (const { name } of parseBuildYml(text).projects) expect(name).toMatch(/^[A-Za-z0-9][\w.-]*$/);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'BUILD_YML_INVALID') throw error;
    expect(error.message).toMatch(/^build\.yml:\d+:\d+: .+$/);
  }
}

const word = fc.constantFrom(
  ...[
    'a',
    'b',
    'registry',
    'image',
    'tags',
    'build',
    'extract',
    'command',
    'args',
    'publish',
    'settings',
    'matching',
  ],
  ...[
    'dockerfile',
    'cache',
    'notify',
    'after-build',
    'secrets',
    'to',
    's3',
    'copy',
    'bucket',
    'patterns',
    'branches',
  ],
  ...[
    'r.example',
    '/src',
    '{branch}',
    '{{ a.image }}',
    "'{{ b }}'",
    '1.10',
    'true',
    '~',
    '<<',
    '__proto__',
    '"\\0"',
  ],
);
const sign = fc.constantFrom(
  ':',
  ': ',
  '\n',
  '\n  ',
  '\n    - ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  ', ',
  '&x ',
  '*x',
  '|\n',
  '!t ',
  '\t',
  '---\n',
  '#',
  '"',
  '? ',
);
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(word, fc.string(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.oneof({ weight: 9, arbitrary: word }, fc.string()), tie('any'), { maxKeys: 4 }),
  ),
})).any;

describe('whatever the text is, it is read or refused', () => {
  it('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), holds), { numRuns: 500 });
  });

  it('texts of what YAML and build.yml are made of', () => {
    const text = fc.array(fc.oneof(word, sign), { maxLength: 40 }).map((parts) => parts.join(''));
    fc.assert(fc.property(text, holds), { numRuns: 2000 });
  });

  it('any value', () => {
    const file = fc.dictionary(word, fc.dictionary(word, value, { maxKeys: 6 }), { maxKeys: 4 });
    fc.assert(
      fc.property(file, (data) => holds(stringify(data))),
      { numRuns: 1000 },
    );
  });
});

it('a template gives a tag that a registry takes, whatever the branch is called', () => {
  const part = fc.constantFrom('{branch}', '{tag}', '{sha}', '{short}', '{date}', 'v', '1.10', '-', '.', '_');
  const template = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
  const kind = fc.constantFrom('branch' as const, 'tag' as const);
  const run = (text: string, ref: string, refKind: 'branch' | 'tag'): void => {
    fc.pre(!/^[.-]/.test(text));
    const revision = {
      id: '8d4f1c0e6f7a49a7d5e0f4a1c2b3d4e5f6a7b8c9',
      committedAt: new Date(0),
      ref,
      refKind,
    };
    const tag = renderTag(tagTemplate(text), revision);
    if (tag !== undefined) expect(checkTag(tag)).toBe(tag);
  };
  fc.assert(fc.property(template, fc.string({ unit: 'binary', maxLength: 300 }), kind, run));
});
