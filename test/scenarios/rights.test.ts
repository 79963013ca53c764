import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { run } from './run.js';
import { startRunner, type Output, type Runner } from './runner.js';

let directory: string;
let repository: Repository;
let other: Repository;
let runner: Runner;
let image: string;

const file = (name: string) => join(directory, name);
async function addKey(name: string): Promise<string> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file(name)]);
  return await readFile(file(`${name}.pub`), 'utf8');
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rights-'));
  const Dockerfile = `FROM ${lab('LAB_BASE_IMAGE')}\nLABEL x=y\n`;
  image = `${lab('LAB_REGISTRY')}/rights/app`;
  const yml = `app:\n  registry: ${lab('LAB_REGISTRY')}\n  image: rights/app\nsecond:\n  registry: ${lab('LAB_REGISTRY')}\n  image: wrong/app\n`;
  repository = await createRepository({ Dockerfile });
  other = await createRepository({ Dockerfile, 'build.yml': yml });
  const lines = {
    repo: `permit-repo="${repository.url}"`,
    image: `permit-image="${image}:one,${image}:two"`,
    commands: 'permit-commands="build"',
    forced: `command="build --repo ${repository.url} --image ${image} --tag forced"`,
    helped: 'command="plan"',
    broken: 'permit-everything',
    shown: 'command="build --output result"',
    mistyped: 'permit-commands="build,staus"',
  };
  const authorized: string[] = [];
  for (const [name, options] of Object.entries(lines)) authorized.push(`${options} ${await addKey(name)}`);
  await writeFile(file('authorized_keys'), authorized.join(''));
  runner = await startRunner({
    BUILDBOT_AUTHORIZED_KEYS: '',
    BUILDBOT_AUTHORIZED_KEYS_FILE: file('authorized_keys'),
  });
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await repository[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const as = (key: string, command: string): Promise<Output> =>
  runner.ssh(command, { key: file(key), input: command.includes('--credentials') ? credentials() : '' });
const denied = (output: Output, line: string) => {
  expect({ code: output.code, stderr: output.stderr }).toEqual({
    code: 5,
    stderr: expect.stringContaining(line) as string,
  });
  expect(output.stdout).not.toContain('STEP image');
};

describe('a key', () => {
  it('builds the repositories that it may', async () => {
    const flags = `--image ${image} --no-push --credentials -`;
    expect((await as('repo', `build --repo ${repository.url} ${flags}`)).code).toBe(0);
    denied(
      await as('repo', `build --repo ${other.url} ${flags}`),
      `its permit-repo allows ${repository.url}`,
    );
    denied(await as('repo', `plan --repo ${repository.url}/../x --credentials -`), 'its permit-repo allows');
    denied(
      await as('repo', `build --context - --image ${image}`),
      'this key may not build what comes on stdin',
    );
  });

  it('builds the images that it may, and nothing is made before that is known', async () => {
    const flags = `--repo ${repository.url} --image ${image} --credentials -`;
    expect((await as('image', `build ${flags} -t one --no-push`)).code).toBe(0);
    denied(await as('image', `build ${flags} -t three`), `this key may not build '${image}:three'`);
    denied(await as('image', `build ${flags} -t one -t three --no-push`), `'${image}:three'`);
    denied(await as('image', `build ${flags} --no-push`), 'its permit-image allows');
    denied(
      await as('image', `plan --repo ${other.url} -t one --credentials -`),
      `/wrong/app:one' (project 'second')`,
    );
  });

  it('gives the commands that it may', async () => {
    denied(await as('commands', 'status'), 'its permit-commands allows build, help, version');
    expect((await as('commands', 'help')).code).toBe(0);
  });

  it('adds to its forced command what that leaves open', async () => {
    const built = await as('forced', 'build --credentials - --no-push --output result');
    expect(JSON.parse(built.stdout)).toMatchObject({
      exitCode: 0,
      images: [{ refs: [{ ref: `${image}:forced` }] }],
    });
    denied(
      await as('forced', 'build --credentials - -t mine'),
      'this key may not give --tag: its command= fixes',
    );
    denied(await as('forced', 'status'), "this key may not give 'status': its command= is 'build'");
    const bare = await as('helped', '');
    expect({ code: bare.code, stderr: bare.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('--repo is missing') as string,
    });
  });

  it('has its refusals in the form that its forced command asks for', async () => {
    for (const command of ['build --nonsense', 'status --output json', '"']) {
      const { code, stdout } = await as('shown', command);
      expect(JSON.parse(stdout)).toMatchObject({ version: 1, exitCode: code });
      // It has a type where json was asked for.
      expect(JSON.parse(stdout)).not.toHaveProperty('type');
    }
  });

  it('whose line is not understood gets nothing, and the log names it', async () => {
    expect((await as('broken', 'help')).code).toBe(255);
    expect(runner.log).toContainEqual(
      expect.objectContaining({
        line: 6,
        reason: "unknown option 'permit-everything'",
        msg: 'authorized key not usable',
      }),
    );
    expect((await as('mistyped', 'build')).code).toBe(255);
    expect(runner.log).toContainEqual(
      expect.objectContaining({
        line: 8,
        reason: expect.stringContaining("'staus' is no command") as string,
      }),
    );
  });

  it('has the rights of the file as it is now', async () => {
    expect((await as('commands', 'version')).code).toBe(0);
    const now = `expiry-time="20200101" ${await readFile(file('commands.pub'), 'utf8')}`;
    await writeFile(file('new'), `${now}command="uptime" ${await readFile(file('repo.pub'), 'utf8')}`);
    await rename(file('new'), file('authorized_keys'));
    expect((await as('commands', 'version')).code).toBe(255);
    expect((await as('repo', 'version')).code).toBe(255);
    const complaint = { line: 2, msg: 'authorized key not usable' };
    await expect.poll(() => runner.log).toContainEqual(expect.objectContaining(complaint));
  });
});
