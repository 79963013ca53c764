import { describe, expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import { describePlan } from '../../../src/plan/describe.js';
import { readFacts } from '../../../src/plan/facts.js';
import { makePlan } from '../../../src/plan/plan.js';
import { readProjects } from '../../../src/plan/projects.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';
import { revision } from '../../fakes/ports.js';
import { memoryTree } from '../../fakes/trees.js';

type Files = Parameters<typeof memoryTree>[0];

async function planned(files: Files, flags = '--no-push') {
  const line = `build --repo https://forge.example/a.git ${flags}`;
  const request = toBuildRequest(parseCommand(splitCommand(line), { local: false }).flags, noCredentials);
  const tree = memoryTree({ Dockerfile: 'FROM base\n', ...files });
  const known = [];
  for (const spec of await readProjects(tree, request))
    known.push({ spec, facts: await readFacts(tree, spec) });
  return { known, plan: makePlan(request, known, revision) };
}

/** The line with which it is refused, which has exit 2. */
async function refused(files: Files, flags?: string): Promise<string> {
  const failure: unknown = await planned(files, flags).catch((error: unknown) => error);
  if (failure instanceof Failure && failure.exitCode === 2) return failure.line;
  throw new Error('accepted', { cause: failure });
}

describe.each(['build.yml', '.dockerignore', 'Dockerfile.dockerignore', 'build.sh'])('%s', (name) => {
  it.each<[string, Files, string]>([
    [
      'a link out of the source',
      { [name]: { symlink: '../x' } },
      "is a symbolic link to '../x', which leads out",
    ],
    ['an absolute link', { [name]: { symlink: '/etc/passwd' } }, "to '/etc/passwd', which leads out"],
    ['a link to nothing', { [name]: { symlink: 'x' } }, "is a symbolic link to 'x', which is not there"],
    ['a directory', { [`${name}/x`]: '' }, 'is a directory, not a file'],
  ])('that is %s is refused, not passed over', async (_, files, why) => {
    expect(await refused(files)).toContain(`'${name}' ${why.startsWith('is') ? why : 'is a symbolic link '}`);
    expect(await refused(files)).toContain(why);
  });

  it('may be a link within the source', async () => {
    const text = name === 'build.yml' ? 'a: {}\n' : '#build_inside_docker_image=b:1\n';
    await expect(planned({ [name]: { symlink: 'sub/x' }, 'sub/x': text })).resolves.toBeDefined();
  });
});

describe('what build.yml names and the source does not have', () => {
  it.each<[string, Files, string]>([
    [
      'redis:\n  dockerfilePath: some/dir\n',
      {},
      "build.yml:2:19: redis.dockerfilePath: the directory 'some/dir' is not in the source; name a directory of the source (CONTEXT_NOT_FOUND)",
    ],
    [
      'redis:\n  dockerfile: X\n',
      {},
      "build.yml:2:15: redis.dockerfile: there is no 'X' in the source; 'dockerfile' names it, relative to dockerfilePath (DOCKERFILE_NOT_FOUND)",
    ],
    [
      'redis:\n  dockerfilePath: sub\n',
      { 'sub/x': '' },
      "build.yml:2:19: redis.dockerfilePath: there is no 'Dockerfile' in directory 'sub' of the source; 'dockerfile' names it, relative to dockerfilePath (DOCKERFILE_NOT_FOUND)",
    ],
    [
      'redis:\n  build:\n    dockerfile: B\n    extract: /\n',
      {},
      "build.yml:3:17: redis.build.dockerfile: there is no 'B' in the source; 'build.dockerfile' names it, relative to dockerfilePath (DOCKERFILE_NOT_FOUND)",
    ],
  ])('%j', async (text, files, line) => {
    expect(await refused({ 'build.yml': text, ...files })).toBe(line);
  });

  it('is no matter of build.yml where a flag names it', async () => {
    const files = { 'build.yml': 'redis: { dockerfilePath: sub, dockerfile: X }\n' };
    expect(await refused(files, '--no-push --context-path nope')).toMatch(
      /^the directory 'nope' is not in the source/,
    );
  });
});

describe('revfile', () => {
  it.each<[string, Files, string]>([
    ['out', { out: { symlink: 'sub' }, 'sub/x': '' }, "'out' is a symbolic link, which is not followed"],
    ['out/deep', { out: { symlink: 'sub' } }, "'out' is a symbolic link, which is not followed"],
    ['Dockerfile', {}, "'Dockerfile' is a file, not a directory"],
    ['out', { 'out/rev.txt/x': '' }, "'out/rev.txt' is a directory, not a file"],
  ])('%s is refused where it would replace what is there', async (revfile, files, why) => {
    const line = await refused({ 'build.yml': `a:\n  revfile: ${revfile}\n`, ...files });
    expect(line).toMatch(/^build\.yml:2:12: a\.revfile: /);
    expect(line).toContain(why);
  });

  it('may name a directory, also one that is not there', async () => {
    const files = { 'build.yml': 'a: { revfile: sub }\nb: { revfile: new/one }\n', 'sub/rev.txt': 'old' };
    await expect(planned(files)).resolves.toBeDefined();
  });
});

describe("a project's name that cannot be an image's", () => {
  const files = { 'build.yml': '\nmyProject:\n  after-build: [ls]\n' };
  it('is refused where it stands, with what to write', async () => {
    expect(await refused(files)).toMatch(
      /^build\.yml:2:1: myProject: 'myProject' cannot be an image's name as it is; say 'image: NAME' as well/,
    );
    expect(await refused({}, '--no-push --project MyRepo')).toMatch(
      /^'MyRepo' cannot be an image's name as it is; name the image with --image/,
    );
  });

  it('does not matter where the caller names the image', async () => {
    const { plan } = await planned(files, '--image r.example/a');
    expect(plan.projects[0]!.name).toBe('r.example/a');
  });
});

it('two Dockerfiles of the same image are named', async () => {
  expect(await refused({ Dockerfile_X: 'FROM a\n', Dockerfile_x: 'FROM b\n' })).toMatch(
    /^Dockerfile_X and Dockerfile_x would both be the image '…_x'/,
  );
});

describe('build.sh', () => {
  const warnings = async (files: Files, flags?: string) =>
    (await planned(files, flags)).known[0]!.facts.warnings;

  it('that names no image is not run, which is said', async () => {
    const files = { 'build.sh': '#!/bin/sh\nmake\n' };
    expect(await warnings(files)).toEqual([expect.stringContaining("'#build_inside_docker_image=IMAGE'")]);
    expect((await planned(files)).plan.projects[0]!.steps.map(({ kind }) => kind)).toEqual(['image']);
    // Another builder does the work: nobody expects the script to run.
    expect(await warnings(files, '--no-push --builder-image b --builder-command c')).toEqual([]);
  });

  it('can be executed, also where a link leads to it', async () => {
    const script = '#build_inside_docker_image=b:1\n';
    const files = {
      'build.sh': { symlink: 'ci/run' },
      'ci/run': { content: script, mode: 0o644 },
      other: script,
    };
    const { context } = (await planned(files)).known[0]!.facts;
    const modes = (await context.entries()).flatMap((entry) =>
      entry.type === 'file' ? [[entry.path, entry.mode]] : [],
    );
    expect(modes).toContainEqual(['ci/run', 0o755]);
    expect(modes).toContainEqual(['other', 0o644]);
  });
});

describe('tests', () => {
  const test = async (dockerfile: string, flags = '') =>
    describePlan((await planned({ Dockerfile: dockerfile }, `--no-push --test t ${flags}`)).plan)[1]!.what;
  const apart = "t, in the stage 'test' of the Dockerfile, which is not made from what is delivered";

  it.each([
    ['FROM a', 't'],
    ['FROM a AS app\nFROM app AS test', 't'],
    ['FROM a AS base\nFROM base AS test\nFROM base', apart],
    ['FROM a AS base\nFROM base AS Test\nRUN x\nFROM b', apart],
  ])('of %j run in: %s', async (dockerfile, what) => {
    expect(await test(dockerfile)).toBe(what);
  });

  it('of a target run in the stage that is made from it', async () => {
    const dockerfile = 'FROM a AS app\nFROM app AS tools\nFROM tools AS test';
    expect(await test(dockerfile, '--target app')).toBe("t, in the stage 'test' of the Dockerfile");
    expect(await test(dockerfile, '--target test')).toBe('t');
  });
});

describe('--network none', () => {
  it('holds in builder, test and publish containers, host only in RUN', async () => {
    const document = { ...noCredentials, s3: {} as never };
    const steps = async (network: string) => {
      const line = `build --repo https://forge.example/a.git --no-push --network ${network} --builder-image b --builder-command c --test t --publish s3://bucket/x=/y`;
      const request = toBuildRequest(parseCommand(splitCommand(line), { local: false }).flags, document);
      const tree = memoryTree({ Dockerfile: 'FROM base\n' });
      const [spec] = await readProjects(tree, request);
      const plan = makePlan(request, [{ spec: spec!, facts: await readFacts(tree, spec!) }], revision);
      return plan.projects[0]!.steps.map((step) => ('network' in step ? step.network : undefined));
    };
    expect(await steps('none')).toEqual(['none', undefined, 'none', 'none']);
    expect(await steps('host')).toEqual([undefined, undefined, undefined, undefined]);
  });
});
