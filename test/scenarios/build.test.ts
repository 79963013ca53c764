import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/model/events.js';
import { resultSchema, type BuildResult } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { docker, engineCan, leftovers, listedName, outputOfImage } from './engine.js';
import { servedDigest } from './registry.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { startRunner, type Output, type Runner } from './runner.js';

const base = () => lab('LAB_BASE_IMAGE');
const plainImage = () => `${lab('LAB_REGISTRY')}/t/${randomUUID()}`;
const lockedImage = () => `${lab('LAB_AUTH_REGISTRY')}/t/${randomUUID()}`;

function resultOf({ stdout }: Output): BuildResult {
  return resultSchema.parse(JSON.parse(stdout));
}

function metaOf({ stdout }: Output): Record<string, unknown> {
  const line = stdout.trimEnd().split('\n').at(-1)!;
  expect(line).toMatch(/^__build_result_meta \{/);
  return JSON.parse(line.replace('__build_result_meta ', '')) as Record<string, unknown>;
}

describe('ssh buildbot build', () => {
  let runner: Runner;
  let repository: Repository;
  let first: string;

  beforeAll(async () => {
    runner = await startRunner();
    repository = await createRepository();
    first = await repository.commit({
      Dockerfile: `FROM ${base()}\nARG GREETING=none\nWORKDIR /src\nCOPY . .\nRUN : ${randomUUID()}; echo "greeting: $GREETING" && ./bin/run.sh\n`,
      'bin/run.sh': { text: '#!/bin/sh\necho ran\n', mode: 0o755 },
      'a file with spaces.txt': 'spaces\n',
      'ünïcødé/日本語.txt': 'unicode\n',
      'quotes\'"$x`.txt': 'quotes\n',
      'link to file': { symlink: 'a file with spaces.txt' },
      dangling: { symlink: '/nowhere' },
      '.gitattributes': 'secret-of-archive export-ignore\n*.crlf text eol=crlf\n',
      'secret-of-archive': 'exported\n',
      'dos.crlf': 'one\ntwo\n',
      'ignored.log': 'no\n',
      '.dockerignore': '*.log\n',
    });
  });

  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  const build = (flags: string, input = credentials()) =>
    runner.ssh(`build --repo ${repository.url} --credentials - ${flags}`, { input });

  it('builds a private repository to two tags and a registry with a password', async () => {
    const [plain, locked] = [plainImage(), lockedImage()];
    const output = await build(
      `--revision main --image ${plain} -t 1.0 -t latest -t ${locked}:x --build-arg GREETING=hello`,
    );
    expect(output.stderr).toBe('');
    expect(output.code).toBe(0);
    expect(output.stdout).toMatch(/^== STEP queue/);
    expect(output.stdout).toContain('greeting: hello');
    const meta = metaOf(output);
    expect(meta).toMatchObject({
      status: 'succeeded',
      image_from: base(),
      source: { revision: first, ref: 'main', author: 'Ada <ada@example.invalid>' },
    });
    const { images } = resultSchema.parse(meta);
    const digest = images[0]!.digest!;
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(meta.image_size).toMatch(/^[\d.]+MB$/);
    expect(images[0]!.refs).toEqual(
      [`${plain}:1.0`, `${plain}:latest`, `${locked}:x`].map((ref) => ({ ref, pushed: true, digest })),
    );
    expect(
      await Promise.all([
        servedDigest(`${plain}:1.0`),
        servedDigest(`${plain}:latest`),
        servedDigest(`${locked}:x`, true),
      ]),
    ).toEqual([digest, digest, digest]);
    expect(await leftovers(runner)).toEqual([]);
  });

  it('sends the revision as a checkout has it: names, modes, links, line ends, and nothing left out but what is ignored', async () => {
    const image = plainImage();
    expect((await build(`--image ${image} -t x`)).code).toBe(0);
    await docker
      .pull(`${image}:x`)
      .then((stream) => new Promise((resolve) => docker.modem.followProgress(stream, resolve)));
    const listing = await outputOfImage(`${image}:x`, [
      'sh',
      '-c',
      'cd /src && find . | sort && cat secret-of-archive && readlink "link to file" && readlink dangling && stat -c %a bin/run.sh dos.crlf && wc -c < dos.crlf',
    ]);
    await docker.getImage(`${image}:x`).remove();
    expect(listing.split('\n')).toEqual([
      '.',
      './.dockerignore',
      './.gitattributes',
      './Dockerfile',
      './VERSION',
      './a file with spaces.txt',
      './bin',
      './bin/run.sh',
      './dangling',
      './dos.crlf',
      './link to file',
      './quotes\'"$x`.txt',
      './secret-of-archive',
      './ünïcødé',
      './ünïcødé/日本語.txt',
      'exported',
      'a file with spaces.txt',
      '/nowhere',
      '755',
      '644',
      '10',
      '',
    ]);
  });

  it.each(['full id', 'short id', 'branch', 'tag', 'default branch'])(
    'finds a revision by %s',
    async (how) => {
      await repository.git('tag', '-f', '-a', 'v1', '-m', 'v1', first);
      await repository.git(
        'push',
        '-q',
        '-f',
        `${lab('LAB_GIT_ROOT')}/${repository.name}.git`,
        'v1',
        `${first}:refs/heads/feature/x`,
      );
      const revision = {
        'full id': first,
        'short id': first.slice(0, 9),
        branch: 'feature/x',
        tag: 'v1',
        'default branch': undefined,
      }[how];
      const output = await build(
        `--output result --no-push ${revision === undefined ? '' : `--revision ${revision}`}`,
      );
      expect(resultOf(output).source?.revision).toBe(first);
    },
  );

  it('gives JSON events that fit the schema, and redacts what was lent', async () => {
    const image = lockedImage();
    const secret = 'npm-token-with-$pecial+chars/';
    const path = '/run/secrets/NPM_TOKEN';
    // Where the engine mounts no secret, the RUN has the value from the repository.
    const [mount, flag, given] = engineCan.mountSecrets
      ? ['--mount=type=secret,id=NPM_TOKEN ', '--secret id=NPM_TOKEN ', '']
      : ['', '', `mkdir -p /run/secrets; printf %s '${secret}' > ${path}; `];
    const dockerfile = `FROM ${base()}\nRUN ${mount}${given}cat ${path}; : ${randomUUID()}; base64 < ${path}; echo done\n`;
    await using other = await createRepository({ Dockerfile: dockerfile });
    const output = await runner.ssh(
      `build --repo ${other.url} --image ${image} ${flag}--output json --credentials -`,
      {
        input: credentials(`secrets: { NPM_TOKEN: "${secret}" }\n`),
      },
    );
    const events = output.stdout
      .trimEnd()
      .split('\n')
      .map((line) => eventSchema.parse(JSON.parse(line)));
    expect([output.code, output.stderr]).toEqual([0, '']);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'build.queued',
        'build.started',
        'plan',
        'step.started',
        'log',
        'step.finished',
        'result',
      ]),
    );
    expect(events.at(-1)?.type).toBe('result');
    expect(output.stdout).not.toContain('npm-token');
    expect(output.stdout).not.toContain(Buffer.from(secret).toString('base64').slice(0, 20));
    expect(output.stdout).toContain('***');
    const history = await runner.ssh('status');
    expect(history.stdout).toContain('0 of');
  });

  it('takes the document from the SSH environment as well', async () => {
    const output = await runner.ssh(`build --repo ${repository.url} --no-push --output result`, {
      input: '',
      options: ['-o', 'SendEnv=BUILDBOT_CREDENTIALS'],
      environment: { BUILDBOT_CREDENTIALS: credentials() },
    });
    expect(resultOf(output).status).toBe('succeeded');
  });

  it('builds over http with a token, and anonymously where that is allowed', async () => {
    const token = `git: { username: ${lab('LAB_GIT_HTTP_USERNAME')}, token: ${lab('LAB_GIT_HTTP_TOKEN')} }`;
    const closed = `${lab('LAB_GIT_HTTP')}/private/${repository.name}.git`;
    const open = `${lab('LAB_GIT_HTTP')}/public/${repository.name}.git`;
    const flags = '--no-push --output result';
    expect(
      resultOf(await runner.ssh(`build --repo ${closed} ${flags} --credentials -`, { input: token })).source
        ?.revision,
    ).toBe(first);
    expect(resultOf(await runner.ssh(`build --repo ${open} ${flags}`)).status).toBe('succeeded');
    const denied = resultOf(await runner.ssh(`build --repo ${closed} ${flags}`));
    expect(denied).toMatchObject({ exitCode: 3, failure: { code: 'SOURCE_DENIED', step: 'source' } });
  });

  it('leaves the image in the engine with --no-push, and only there', async () => {
    const name = `buildbot-scenario/${randomUUID()}`;
    expect((await build(`--image ${name} -t a -t b --no-push`)).code).toBe(0);
    const { RepoTags } = await docker.getImage(`${name}:a`).inspect();
    expect(RepoTags).toEqual(expect.arrayContaining([`${name}:a`, `${name}:b`].map(listedName)));
    // One after the other: of two removals at once that end with the same image Docker fails one.
    for (const tag of ['a', 'b']) await docker.getImage(`${name}:${tag}`).remove();
  });

  it('does not touch an image of the same name that the engine had', async () => {
    const image = plainImage();
    await docker.getImage(base()).tag({ repo: image, tag: 'x' });
    const before = await docker.getImage(`${image}:x`).inspect();
    expect((await build(`--image ${image} -t x`)).code).toBe(0);
    const after = await docker.getImage(`${image}:x`).inspect();
    await docker.getImage(`${image}:x`).remove();
    expect(after.Id).toBe(before.Id);
  });

  it('keeps apart 16 builds at once of different revisions', { timeout: 240_000 }, async () => {
    await using many = await createRepository();
    const revisions: string[] = [];
    for (let n = 0; n < 16; n++)
      revisions.push(
        await many.commit({
          Dockerfile: `FROM ${base()}\nCOPY n /n\nRUN cat /n\n`,
          n: `number ${n}\n${randomUUID()}\n`,
        }),
      );
    const image = plainImage();
    const outputs = await Promise.all(
      revisions.map((revision, n) =>
        runner.ssh(
          `build --repo ${many.url} --revision ${revision} --image ${image} -t n${n} --credentials -`,
          { input: credentials() },
        ),
      ),
    );
    const seen = outputs.map((output, n) => ({
      code: output.code,
      own: output.stdout.includes(`number ${n}\n`),
      revision: (metaOf(output).source as { revision?: string } | undefined)?.revision,
    }));
    expect(seen).toEqual(revisions.map((revision) => ({ code: 0, own: true, revision })));
    const digests = await Promise.all(outputs.map((_, n) => servedDigest(`${image}:n${n}`)));
    expect(digests).toEqual(
      outputs.map((output) => (metaOf(output).images as { digest: string }[])[0]!.digest),
    );
    expect(new Set(digests).size).toBe(16);
  });
});
