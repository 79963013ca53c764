import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDockerfile } from '../../../src/plan/dockerfile.js';
import { readFacts } from '../../../src/plan/facts.js';
import { memoryTree } from '../../../src/plan/trees.js';

const MiB = 2 ** 20;
const fill = (text: string): string => text.repeat(Math.floor(MiB / text.length));
const count = (length: number, line: (n: number) => string): string =>
  Array.from({ length }, (_, n) => line(n)).join('\n');
const read = (text: string) => readDockerfile(text, { buildArgs: new Map() });
const spec = {
  name: 'x',
  tags: [],
  args: new Map<string, string>(),
  secrets: [],
  tests: [],
  publish: [],
  notify: [],
};

/** Text of a MiB, in which a reader that looks at each place again and again gets lost. */
const texts: Record<string, string> = {
  dollars: `FROM ${fill('$')}`,
  'open variables': `FROM ${fill('${a')}`,
  'open defaults': `FROM ${fill('${a:-')}`,
  'open defaults on lines': count(256, () => `ARG a=${'${a:-'.repeat(800)}`),
  'values that double': `ARG a0=x\n${count(40_000, (n) => `ARG a${n + 1}=$a${n}$a${n}`)}`,
  'values of themselves': `ARG a=x\n${fill('ARG a=$a$a$a\n')}`,
  'a large value, often': `ARG a=${'x'.repeat(4000)}\n${count(60_000, (n) => `ARG b${n}=$a`)}`,
  'a chain of stages': `FROM a AS s0\n${count(40_000, (n) => `FROM s${n} AS s${n + 1}`)}`,
  stages: fill('FROM a\n'),
  'double quotes': `LABEL "${fill('a')}`,
  'single quotes': `LABEL '${fill('a')}`,
  'escaped quotes': `LABEL "${fill('\\"')}`,
  'all quotes': `LABEL ${fill('"\'a\\')}`,
  backslashes: `LABEL ${fill('\\')}`,
  continuations: `RUN ${fill('\\\n')}`,
  words: `ARG ${fill('a="" ')}`,
  'labels in a line': `FROM a\nLABEL ${fill('a=b ')}`,
  labels: count(80_000, (n) => `LABEL a${n}=b`),
  'here-documents': `RUN ${fill('<<a ')}`,
  'here-documents that end': `RUN ${'<<a '.repeat(130_000)}\n${'a\n'.repeat(260_000)}`,
  'open here-documents': `RUN ${fill('<<"a')}`,
  'an open here-document': `RUN <<"${fill('a')}`,
  directives: fill('#a=b\n'),
  'a directive': `# escape = \`${fill(' ')}x`,
  comments: fill('#\u2028'),
  spaces: fill(' '),
  'spaces before something': `FROM${fill(' ')}x`,
  lines: fill('\n'),
  'carriage returns': fill('\r'),
  'line separators': fill(' \u2028'),
  letters: fill('a'),
  'a test with spaces': `#test_in_container_entrypoint=x${fill(' ').slice(0, -100)}y`,
  tests: fill('#test_in_container_entrypoint=\n'),
};

describe('a MiB of', () => {
  it.each(Object.entries(texts))('%s', async (_, text) => {
    expect(read(text).labels).toBeInstanceOf(Set);
    const content = Buffer.from(text).subarray(0, MiB);
    const files = ['Dockerfile', 'build.sh'].map((path) => ({ path, mode: 0o644, content, mtime: 1 }));
    expect((await readFacts(memoryTree(files), spec)).dockerfile.name).toBe('Dockerfile');
  });

  it('the image of a build.sh is refused in one short line', async () => {
    const content = Buffer.from(`#${fill('build_inside_docker_image=').slice(0, -100)}`);
    const dockerfile = { path: 'Dockerfile', mode: 0o644, content: Buffer.from('FROM a\n'), mtime: 1 };
    const tree = memoryTree([dockerfile, { path: 'build.sh', mode: 0o755, content, mtime: 1 }]);
    await expect(readFacts(tree, spec)).rejects.toThrow(/^build\.sh: build_inside_docker_image: .{1,200}$/);
  });

  it('property: anything, over and over', () => {
    const part = fc.constantFrom(
      ...['"', "'", '\\', '$', '${', 'a', '}', ':-', ' ', '\n', '<<', '#', '=', '`', '\r', '\t', '\u2028'],
      ...['FROM ', 'ARG ', 'LABEL ', 'RUN '],
    );
    const some = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(some, some, some, (start, middle, end) => {
        expect(read(start + middle.repeat(MiB / 8 / middle.length) + end).labels).toBeInstanceOf(Set);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a base that cannot be told', () => {
  const long = 'x'.repeat(4097);
  it.each([
    ['a value of more than 4 KiB', `ARG A=${long}\nFROM $A`],
    ['one that became so', `ARG A=${'x'.repeat(3000)}\nARG B=$A$A\nFROM $B`],
    ['one with a default', `ARG A=${long}\nFROM \${A:-b}`],
    ['one that is asked for', `ARG A=${long}\nFROM b\${A:+c}`],
    ['one made of it', `ARG A=$B\nFROM x$A`],
    ['a variable within a variable', 'ARG A\nFROM ${A:-$B}'],
    ['another form', 'ARG A=1\nFROM ${A#x}'],
    ['an open one', 'ARG A=1\nFROM ${A'],
  ])('%s', (_, text) => {
    expect(read(text)).not.toHaveProperty('base');
  });

  it('4 KiB can', () => {
    const value = 'x'.repeat(2048);
    expect(read(`ARG A=${value}\nFROM $A$A`).base).toBe(value + value);
  });
});

it('names that objects have of their own are names like others', () => {
  const facts = read('ARG __proto__=a\nARG constructor\nFROM $__proto__\nLABEL __proto__=b toString=c');
  expect(facts.base).toBe('a');
  expect([...facts.labels]).toEqual(['__proto__', 'toString']);
});

it('a directive stands above everything else', () => {
  expect(read('# a comment\n# escape=`\nFROM `\n a').base).toBe('`');
  expect(read('# syntax=x\n# Escape = `\nFROM `\n a').base).toBe('a');
});
