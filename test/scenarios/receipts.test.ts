import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { resultSchema, type BuildResult } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { servedDigest } from './registry.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { run } from './run.js';
import { startRunner, type Output, type Runner } from './runner.js';

/** The commands of docs/receipts.md, by the heading that they stand under. */
function commandsUnder(heading: string): string[] {
  const page = readFileSync('docs/receipts.md', 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))!;
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1]!);
}

const [verify, read, asked] = commandsUnder('Verify') as [string, string, string];
const [nameOfAlias] = commandsUnder('The name in known_hosts') as [string];
const [withoutJq] = commandsUnder('Without jq') as [string];
const listed = '[build.example]:2222';
const good = 'Good "buildbot-receipt" signature for buildbot with ED25519 key SHA256:';

let runner: Runner;
let repository: Repository;
let revision: string;
let image: string;
let built: BuildResult;
/** `~` of the caller, in which its commands run: what ssh made of it, and the result. */
let home: string;

const hosts = () => join(home, '.ssh', 'known_hosts');
const resultFile = () => join(home, 'result.json');

/** Runs commands of the page as they are, in `home`. ssh has to be told of a home that is not the account's. */
function shell(script: string): Promise<Output> {
  const env = { ...process.env, HOME: home, PATH: `${join(home, 'bin')}:${process.env.PATH}` };
  return new Promise((resolve) => {
    execFile('sh', ['-euc', script], { cwd: home, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

async function rewriteResult(change: (text: string) => string): Promise<void> {
  const before = await readFile(resultFile(), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(resultFile(), after);
}

beforeAll(async () => {
  runner = await startRunner();
  repository = await createRepository();
  revision = await repository.commit({
    Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nRUN : ${randomUUID()}\n`,
  });
  image = `${lab('LAB_REGISTRY')}/t/${randomUUID()}`;
  const flags = `--image ${image} -t 1 -t latest --output result --credentials -`;
  const output = await runner.ssh(`build --repo ${repository.url} --revision main ${flags}`, {
    input: credentials(),
    options: ['-o', `HostKeyAlias=${listed}`],
  });
  built = resultSchema.parse(JSON.parse(output.stdout));
  expect(await readFile(join(runner.directory, 'known_hosts'), 'utf8')).toMatch(/^\[build\.example\]:2222 /);
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await repository[Symbol.asyncDispose]();
});

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'buildbot-receipts-'));
  await Promise.all([mkdir(join(home, '.ssh')), mkdir(join(home, 'bin'))]);
  const ssh = `#!/bin/sh\nPATH=\${PATH#*:} exec ssh -F "$HOME/.ssh/config" "$@"\n`;
  await writeFile(join(home, 'bin', 'ssh'), ssh, { mode: 0o755 });
  await copyFile(join(runner.directory, 'known_hosts'), hosts());
  await writeFile(resultFile(), JSON.stringify(built));
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe('a receipt', () => {
  it('is verified by the commands of docs/receipts.md, and says which digest came from which revision', async () => {
    const output = await shell(verify);
    expect(output).toMatchObject({ code: 0, stdout: expect.stringContaining(good) as string });
    const digest = (await servedDigest(`${image}:1`))!;
    expect((await shell(read)).stdout).toBe(`${revision}\n${image}@${digest}\n`);
    expect(JSON.parse(built.receipt!)).toMatchObject({
      id: built.id,
      source: { repo: repository.url, ref: 'main', revision },
      images: [{ refs: ['1', 'latest'].map((tag) => ({ ref: `${image}:${tag}`, pushed: true, digest })) }],
      finishedAt: built.finishedAt,
    });
  });

  it('is verified with a hashed known_hosts that lists other hosts too', async () => {
    const more = await readFile(lab('LAB_GIT_KNOWN_HOSTS'), 'utf8');
    await writeFile(hosts(), more + (await readFile(hosts(), 'utf8')));
    await run('ssh-keygen', ['-H', '-f', hosts()]);
    expect(await readFile(hosts(), 'utf8')).not.toContain('build.example');
    expect(await shell(verify)).toMatchObject({ code: 0, stdout: expect.stringContaining(good) as string });
  });

  it('is verified without jq', async () => {
    await shell(verify);
    await rm(join(home, 'result.sig'));
    expect(await shell(withoutJq)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(good) as string,
    });
  });

  it.each([
    ['HostName build.example\n  Port 2222', listed],
    ['HostName build.example', 'build.example'],
    ['HostName build.example\n  Port 2222\n  HostKeyAlias builders', 'builders'],
  ])('is verified by the alias of ~/.ssh/config alone: %j', async (lines, name) => {
    await writeFile(join(home, '.ssh', 'config'), `Host buildbot\n  ${lines}\n`);
    await writeFile(hosts(), (await readFile(hosts(), 'utf8')).replace(listed, name));
    const script = verify.replace(/^name=.*\n/, nameOfAlias);
    expect(script).not.toContain(listed);
    expect(await shell(script)).toMatchObject({ code: 0, stdout: expect.stringContaining(good) as string });
  });

  it('is in the last line of human output as well', async () => {
    const output = await runner.ssh(`build --repo ${repository.url} --no-push --credentials -`, {
      input: credentials(),
    });
    const line = output.stdout.trimEnd().split('\n').at(-1)!;
    await writeFile(resultFile(), line.replace('__build_result_meta ', ''));
    expect(await shell(verify)).toMatchObject({ code: 0, stdout: expect.stringContaining(good) as string });
  });
});

describe('a receipt says who asked, and with what,', () => {
  const saidBy = async (result: BuildResult): Promise<string> => {
    await writeFile(resultFile(), JSON.stringify(result));
    return (await shell(asked)).stdout;
  };

  it('as the command of docs/receipts.md prints it', async () => {
    const key = await run('ssh-keygen', ['-l', '-f', join(runner.directory, 'key.pub')]);
    expect(await saidBy(built)).toBe(
      [
        `caller ${key.split(' ')[1]}`,
        `--image ["${image}"]`,
        `--repo ["${repository.url}"]`,
        '--revision ["main"]',
        '--tag ["1","latest"]',
        '',
      ].join('\n'),
    );
  });

  it('so that content which comes from flags is not taken for that of the repository', async () => {
    const evil = 'mkdir -p /project; printf "FROM scratch\\nLABEL evil=1\\n" > /project/Dockerfile';
    const builder = `--builder-image ${lab('LAB_BASE_IMAGE')} --builder-command '${evil}'`;
    const flags = `--revision main --no-push --output result --credentials - ${builder}`;
    const output = await runner.ssh(`build --repo ${repository.url} ${flags}`, { input: credentials() });
    const result = resultSchema.parse(JSON.parse(output.stdout));
    expect(result.source?.revision).toBe(revision);
    expect(await saidBy(result)).toContain(
      `--builder-command ${JSON.stringify([evil])}\n--builder-image ["${lab('LAB_BASE_IMAGE')}"]\n`,
    );
  });
});

describe('is refused:', () => {
  it('a receipt with another digest', async () => {
    const { digest } = built.images[0]!;
    await rewriteResult((text) => text.replaceAll(digest!, `sha256:${'0'.repeat(64)}`));
    expect((await shell(verify)).code).not.toBe(0);
  });

  it("another runner's key", async () => {
    await using other = await startRunner();
    await other.ssh('version', { options: ['-o', `HostKeyAlias=${listed}`] });
    await copyFile(join(other.directory, 'known_hosts'), hosts());
    expect((await shell(verify)).code).not.toBe(0);
  });

  it('a key that is known for another host alone', async () => {
    await writeFile(hosts(), (await readFile(hosts(), 'utf8')).replace(listed, '[build.example]:2223'));
    expect((await shell(verify)).code).not.toBe(0);
  });

  it('a key that was revoked', async () => {
    const line = await readFile(hosts(), 'utf8');
    await writeFile(hosts(), `${line}@revoked * ${line.replace(`${listed} `, '')}`);
    expect((await shell(verify)).code).not.toBe(0);
  });

  it('the signature in another namespace', async () => {
    const script = verify.replace('-n buildbot-receipt', '-n file');
    expect(script).not.toBe(verify);
    expect((await shell(script)).code).not.toBe(0);
  });

  it('a result without a receipt', async () => {
    await rewriteResult(() => JSON.stringify({ ...built, receipt: undefined, signature: undefined }));
    expect((await shell(verify)).code).not.toBe(0);
  });
});

it('a build that failed has no receipt', async () => {
  await using broken = await createRepository({ Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nRUN false\n` });
  const output = await runner.ssh(`build --repo ${broken.url} --no-push --output result --credentials -`, {
    input: credentials(),
  });
  const { status, receipt, signature } = resultSchema.parse(JSON.parse(output.stdout));
  expect([status, receipt, signature]).toEqual(['failed', undefined, undefined]);
});
