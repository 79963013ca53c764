import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema, type BuildResult } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { leftovers } from './engine.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { run } from './run.js';
import { startRunner, type Output, type Runner } from './runner.js';

const base = () => lab('LAB_BASE_IMAGE');
const resultOf = ({ stdout }: Output): BuildResult => resultSchema.parse(JSON.parse(stdout));

describe('what can go wrong', () => {
  let runner: Runner;
  let repository: Repository;

  beforeAll(async () => {
    runner = await startRunner();
    repository = await createRepository({
      Dockerfile: `FROM ${base()}\nRUN true\n`,
      'seven.Dockerfile': `FROM ${base()}\nRUN echo before; exit 7\n`,
      'syntax.Dockerfile': `FROM ${base()}\nNONSENSE here\n`,
      'nobase.Dockerfile': `FROM ${lab('LAB_REGISTRY')}/does/not-exist:1\n`,
      'dir/keep': '',
    });
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  const build = (flags: string, input = credentials()) =>
    runner.ssh(`build --repo ${repository.url} --output result --credentials - ${flags}`, { input });
  const expectOne = (output: Output, expected: { code: number; failure: object; line: RegExp }) => {
    const result = resultOf(output);
    expect({ code: output.code, ...result }).toMatchObject({
      code: expected.code,
      exitCode: expected.code,
      failure: expected.failure,
    });
    const errors = output.stderr.split('\n').filter((line) => /^(?:error|buildbot): /.test(line));
    expect(errors).toEqual([expect.stringMatching(expected.line) as string]);
  };

  it.each<[string, string, number, object, RegExp]>([
    [
      "a RUN's own code",
      '--no-push -f seven.Dockerfile',
      1,
      { step: 'image', code: 'DOCKERFILE_FAILED', commandExitCode: 7 },
      /exit 7/,
    ],
    [
      'a Dockerfile that does not parse',
      '--no-push -f syntax.Dockerfile',
      1,
      { code: 'DOCKERFILE_INVALID' },
      /NONSENSE/i,
    ],
    [
      'a base image that is not there',
      '--no-push -f nobase.Dockerfile',
      1,
      { code: 'BASE_IMAGE_UNAVAILABLE' },
      /not-exist:1/,
    ],
    ['no Dockerfile', '--no-push -f nope', 2, { code: 'DOCKERFILE_NOT_FOUND', step: 'plan' }, /'nope'/],
    [
      'a Dockerfile that is a directory',
      '--no-push -f dir',
      2,
      { code: 'DOCKERFILE_NOT_FOUND' },
      /directory/,
    ],
    ['no such context', '--no-push --context-path nope', 2, { code: 'CONTEXT_NOT_FOUND' }, /'nope'/],
    ['an unknown flag', '--no-push --taget x', 2, { code: 'USAGE' }, /'--taget', did you mean '--target'/],
    [
      'an unknown revision',
      '--no-push --revision nope',
      3,
      { code: 'REVISION_NOT_FOUND', step: 'source' },
      /'?nope'?/,
    ],
    [
      'an unknown commit',
      `--no-push --revision ${'0'.repeat(39)}1`,
      3,
      { code: 'REVISION_NOT_FOUND' },
      /0{39}1/,
    ],
  ])('%s', async (_, flags, code, failure, line) => {
    expectOne(await build(flags), { code, failure, line });
  });

  it('says with the failure what the step said last', async () => {
    expect(resultOf(await build('--no-push -f seven.Dockerfile')).failure?.log.join('\n')).toContain(
      'before',
    );
  });

  it('an unknown repository: exit 3', async () => {
    const output = await runner.ssh(
      `build --repo ${lab('LAB_GIT_SSH')}/nope.git --no-push --output result --credentials -`,
      { input: credentials() },
    );
    expectOne(output, { code: 3, failure: { code: 'REPOSITORY_NOT_FOUND' }, line: /nope\.git/ });
  });

  it('a key that the forge refuses: exit 3', async () => {
    const refused = credentials().replace(
      / {4}-----BEGIN[^]*?END OPENSSH PRIVATE KEY-----/,
      indent(await run('cat', [lab('LAB_GIT_OTHER_KEY')])),
    );
    expectOne(await build('--no-push', refused), {
      code: 3,
      failure: { code: 'SOURCE_DENIED' },
      line: /credentials/,
    });
  });

  it('a host key that nobody vouches for: exit 3, unless it may be learned', async () => {
    const strangers = credentials().replace(/knownHosts: \|\n(?: {4}.*\n)+/, '');
    expectOne(await build('--no-push', strangers), {
      code: 3,
      failure: { code: 'HOST_KEY_UNKNOWN' },
      line: /--accept-new-host-key/,
    });
    expect((await build('--no-push --accept-new-host-key', strangers)).code).toBe(0);
  });

  it('a wrong key, or none, gets no image of a revision that lies in the mirror', async () => {
    const head = await repository.git('rev-parse', 'HEAD');
    expect((await build(`--no-push --revision ${head}`)).code).toBe(0);
    const none = await runner.ssh(
      `build --repo ${repository.url} --no-push --output result --revision ${head} --accept-new-host-key`,
    );
    expectOne(none, { code: 3, failure: { code: 'SOURCE_DENIED' }, line: /credentials/ });
    const refused = credentials().replace(
      / {4}-----BEGIN[^]*?END OPENSSH PRIVATE KEY-----/,
      indent(await run('cat', [lab('LAB_GIT_OTHER_KEY')])),
    );
    expectOne(await build(`--no-push --revision ${head}`, refused), {
      code: 3,
      failure: { code: 'SOURCE_DENIED' },
      line: /credentials/,
    });
  });

  it('a registry that refuses the password, or wants one: exit 4', async () => {
    const image = `${lab('LAB_AUTH_REGISTRY')}/t/${randomUUID()}`;
    const wrong = credentials().replace(/password: "[^"]*"/, 'password: "wrong-password"');
    expectOne(await build(`--image ${image} -t x`, wrong), {
      code: 4,
      failure: { step: 'push', code: 'PUSH_DENIED' },
      line: /PUSH_DENIED/,
    });
    const none = credentials().replace(/registries: .*\n/, '');
    expectOne(await build(`--image ${image} -t x`, none), {
      code: 4,
      failure: { code: 'PUSH_DENIED' },
      line: /PUSH_DENIED/,
    });
  });

  it('a registry that is not there: exit 4 after the tries that were allowed', async () => {
    const output = await build('--image 127.0.0.1:1/x -t x --push-retry 1');
    expectOne(output, { code: 4, failure: { step: 'push', code: 'PUSH_FAILED' }, line: /127\.0\.0\.1:1/ });
    expect(output.stderr.match(/^warning: .*try 2 of 2/gm)).toHaveLength(1);
  });

  it('a credentials document that is wrong: exit 2 with its place, and nothing of its values', async () => {
    const output = await build('--no-push', 'git:\n  tokn: TOPSECRET\n');
    expectOne(output, {
      code: 2,
      failure: { code: 'CREDENTIALS_INVALID' },
      line: /line 2, column 3: unknown key 'git\.tokn'/,
    });
    expect(output.stdout + output.stderr).not.toContain('TOPSECRET');
  });

  it('leaves nothing behind after all that', async () => {
    expect(await leftovers(runner)).toEqual([]);
    expect(JSON.parse((await runner.ssh('status --output json')).stdout)).toMatchObject({ builds: [] });
    expect(await run('find', [join(runner.data), '-name', '*.tmp'])).toBe('');
  });

  it('a file:// repository: denied unless the server allows it', async () => {
    const url = `file://${lab('LAB_GIT_ROOT')}/${repository.name}.git`;
    const denied = await runner.ssh(`build --repo ${url} --no-push --output result`);
    expectOne(denied, { code: 5, failure: { code: 'DENIED' }, line: /file/ });
  });

  it('no engine: exit 69, and the runner still answers', async () => {
    await using alone = await startRunner({ DOCKER_HOST: 'unix:///nonexistent.sock' });
    const output = await alone.ssh(
      `build --repo ${repository.url} --no-push --output result --credentials -`,
      { input: credentials() },
    );
    expectOne(output, { code: 69, failure: { code: 'ENGINE_UNREACHABLE' }, line: /nonexistent\.sock/ });
    // Nothing was built, so nothing is left.
    expect(output.stderr).not.toContain('warning: ');
    expect((await alone.ssh('status')).code).toBe(0);
  });
});

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}
