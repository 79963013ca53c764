import { describe, expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { readDockerfile } from '../../../src/plan/dockerfile.js';
import { readFacts } from '../../../src/plan/facts.js';
import { describePlan } from '../../../src/plan/describe.js';
import { makePlan } from '../../../src/plan/plan.js';
import { readProjects } from '../../../src/plan/projects.js';
import { memoryTree } from '../../../src/plan/trees.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';
import { revision } from '../../fakes/ports.js';

const none = { buildArgs: new Map<string, string>() };
const tree = (files: Record<string, string>) =>
  memoryTree(
    Object.entries(files).map(([path, text]) => ({
      path,
      mode: 0o644,
      content: Buffer.from(text),
      mtime: 1,
    })),
  );

async function plan(flags: string, files: Record<string, string>) {
  const line = `build --repo https://forge.example/a.git ${flags}`;
  const request = toBuildRequest(parseCommand(splitCommand(line), { local: false }).flags, noCredentials);
  const [spec] = await readProjects(tree(files), request);
  return makePlan(request, [{ spec: spec!, facts: await readFacts(tree(files), spec!) }], revision);
}

describe('readDockerfile', () => {
  it.each<[string, string | undefined, string | undefined]>([
    ['FROM a:1', undefined, 'a:1'],
    ['from --platform=linux/amd64 a:1 as x\nFROM x', undefined, 'a:1'],
    ['FROM a AS x\nFROM b AS y\nFROM c', 'y', 'b'],
    ['FROM a AS x\nFROM b AS y', '0', 'a'],
    ['ARG V=1\nARG N=a:$V\nFROM ${N}', undefined, 'a:1'],
    ['ARG V\nFROM a:${V:-2}', undefined, 'a:2'],
    ['ARG V\nFROM a:$V', undefined, undefined],
    ['# comment\nFROM \\\n  # inner comment\n  a', undefined, 'a'],
    ['# escape=`\nFROM `\n a', undefined, 'a'],
    ['FROM a\nRUN <<EOF\nFROM b\nEOF', undefined, 'a'],
    [
      'FROM a\nCOPY <<robots.txt <<humans-2.txt /x/\nFROM b\nrobots.txt\nFROM c\nhumans-2.txt',
      undefined,
      'a',
    ],
    ['FROM a\nRUN <<E"O"F\nFROM b\nEOF', undefined, 'a'],
    ['FROM a\nRUN <<EOF\n\tEOF\nFROM b\nEOF', undefined, 'a'],
    ['FROM a\nRUN <<-EOF\n\tEOF\nFROM b', undefined, 'b'],
    ['FROM a\nONBUILD RUN <<EOF\nFROM b\nEOF', undefined, 'a'],
    ['FROM a', 'nope', undefined],
    ['', undefined, undefined],
  ])('%j, target %j: base %j', (text, target, base) => {
    expect(readDockerfile(text, { ...none, target }).base).toBe(base);
  });

  it('counts the labels of the delivered stage alone, and knows a here-document from a shift', () => {
    const text =
      'FROM a AS builder\nLABEL lost=1\nRUN n=2; echo $((1<<n))\nFROM b AS base\nLABEL kept=1\nFROM base\nLABEL own=1';
    const facts = readDockerfile(text, none);
    expect([facts.base, [...facts.labels].toSorted()]).toEqual(['b', ['kept', 'own']]);
  });

  it('finds labels whose keys are in arguments', () => {
    const text = 'ARG A=a\nFROM x\nARG A\nARG B=b\nARG C\nLABEL $A=1 "${B}.x"=2 $C=3 e=4\n';
    const { labels } = readDockerfile(text, { buildArgs: new Map([['C', 'c']]) });
    expect([...labels]).toEqual(['a', 'b.x', 'c', 'e']);
  });

  it('takes build args for ARG before FROM, and finds labels', () => {
    const text =
      'ARG BASE=a\nFROM $BASE\nLABEL one=1 "two"="2 x" \\\n three=\'3\'\nLABEL old style\nARG LATER=1';
    const facts = readDockerfile(text, { buildArgs: new Map([['BASE', 'z:9']]) });
    expect(facts.base).toBe('z:9');
    expect([...facts.labels]).toEqual(['one', 'two', 'three', 'old']);
  });
});

describe('makePlan', () => {
  it('is plain data, and says what it will do', async () => {
    const made = await plan('--image registry.example/team/app -t 1 -t x.example/y:2', {
      Dockerfile: 'FROM base\nLABEL org.opencontainers.image.title=mine',
    });
    expect(describePlan(made)).toEqual([
      { step: 'image', what: 'registry.example/team/app: Dockerfile from base' },
      { step: 'push', what: 'registry.example/team/app:1, x.example/y:2' },
    ]);
    const image = made.projects[0]!.steps.find((step) => step.kind === 'image');
    expect(Object.fromEntries(image!.options.labels)).toEqual({
      'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
      'org.opencontainers.image.source': 'https://forge.example/a.git',
      'org.opencontainers.image.revision': revision.id,
      'org.opencontainers.image.version': '1',
    });
  });

  it('finds Dockerfile and ignore file in a subdirectory', async () => {
    const files = {
      'sub/my.Dockerfile': 'FROM x',
      'sub/my.Dockerfile.dockerignore': 'a*',
      'sub/.dockerignore': 'b*',
      Dockerfile: 'FROM y',
    };
    const made = await plan('--image a --context-path sub -f my.Dockerfile', files);
    expect(describePlan(made)[0]?.what).toBe('a: my.Dockerfile from x');
    const spec = { ...made.projects[0], name: 'a', contextPath: 'sub', dockerfile: 'my.Dockerfile' };
    const { ignore } = await readFacts(tree(files), spec as never);
    expect([ignore?.('abc'), ignore?.('bcd')]).toEqual([true, false]);
  });

  it('refuses an ignore file that does not parse, but not where a builder makes the context', async () => {
    const files = { Dockerfile: 'FROM x', '.dockerignore': '[' };
    await expect(plan('--image a', files)).rejects.toMatchObject({
      code: 'DOCKERFILE_INVALID',
      message: ".dockerignore:1: '[' is not a pattern",
    });
    await plan('--image a --builder-image b --builder-command c --extract /out', files);
  });

  it('builds a builder as the image: same network and hosts, and the arguments that it declares', async () => {
    const files = {
      Dockerfile: 'FROM x\nARG ONE\n',
      'Dockerfile.build': 'ARG TWO\nFROM x\n',
      'build.yml':
        'a: { registry: r.example, build: { dockerfile: Dockerfile.build, extract: /out }, args: { ONE: 1, TWO: 2 } }',
    };
    const flags =
      '--build-arg HTTP_PROXY=http://proxy --no-cache --pull --network none --add-host db:10.0.0.7 --target t --label l=1 --cache-to type=inline';
    const made = await plan(flags, files);
    const builder = made.projects[0]!.steps.find((step) => step.kind === 'builder');
    expect(builder).toMatchObject({
      options: { noCache: true, pull: true, network: 'none', addHosts: ['db:10.0.0.7'], inlineCache: false },
    });
    const { options } = builder as Extract<typeof builder, { options: unknown }>;
    expect([options.target, options.labels.size]).toEqual([undefined, 0]);
    expect(Object.fromEntries(options.buildArgs)).toEqual({
      SOURCE_DATE_EPOCH: '1767323045',
      TWO: '2',
      HTTP_PROXY: 'http://proxy',
    });
  });

  it('refuses a Dockerfile that is a directory', async () => {
    await expect(plan('--image a', { 'Dockerfile/x': '' })).rejects.toMatchObject({
      code: 'DOCKERFILE_NOT_FOUND',
      message: expect.stringContaining('directory') as string,
    });
  });
});
