import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLfsServer } from '../integration/git/lfs-server.js';
import { lab } from '../lab/environment.js';
import {
  base,
  forges,
  remains,
  startAgent,
  startSilentAgent,
  startTwoCallers,
  until,
  type Agent,
  type Callers,
} from './agent.js';
import { saidByRun } from './engine.js';
import { createRepository, credentials } from './repository.js';
import { run } from './run.js';
import { startRunner, type Runner } from './runner.js';

const [, gitHost, gitPort] = /@([^:]+):(\d+)/.exec(lab('LAB_GIT_SSH'))!;

describe("the caller's agent", () => {
  let runner: Runner;
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent(lab('LAB_GIT_KEY'));
    // One that was started from a shell may have an agent in reach: no caller must get that.
    runner = await startRunner({ ...forges(), SSH_AUTH_SOCK: agent.socket });
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await agent[Symbol.asyncDispose]();
  });

  const command = (url: string, flags = '') => `build --repo ${url} --no-push --no-cache ${flags}`;
  const plain = () => createRepository({ Dockerfile: `${base()}RUN echo built\n` });

  it('opens a repository, its submodule and its LFS', async () => {
    const server = await createLfsServer();
    await using library = await createRepository({ text: 'from the submodule\n' });
    const libraryCommit = await library.git('rev-parse', 'HEAD');
    await using main = await createRepository();
    await main.git('update-index', '--add', '--cacheinfo', `160000,${libraryCommit},sub`);
    await mkdir(join(main.directory, 'sub'));
    await main.git('-C', 'sub', 'init', '-q');
    await main.git('-C', 'sub', 'fetch', '-q', join(lab('LAB_GIT_ROOT'), `${library.name}.git`), 'main');
    await main.git('-C', 'sub', 'checkout', '-q', libraryCommit);
    // The pointer file as it is, whatever this machine does with LFS.
    for (const [name, value] of [
      ['clean', 'cat'],
      ['process', ''],
      ['required', 'false'],
    ] as const) {
      await main.git('config', `filter.lfs.${name}`, value);
    }
    await main.commit({
      'large.bin': server.add('from LFS\n'),
      '.gitmodules': `[submodule "sub"]\n\tpath = sub\n\turl = ../${library.name}.git\n`,
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      Dockerfile: `${base()}COPY . /src\nRUN cat /src/sub/text /src/large.bin\n`,
    });
    const bare = join(lab('LAB_GIT_ROOT'), `${main.name}.git`);
    const href = `${server.origin}/private/${main.name}.git/info/lfs`;
    const answer = { href, header: { authorization: 'RemoteAuth ticket' } };
    await writeFile(join(bare, 'lfs-authenticate.json'), JSON.stringify(answer));

    const output = await runner.ssh(command(main.url), agent.forwarded);
    expect(output).toMatchObject({ code: 0, stdout: expect.stringMatching(saidByRun('from the submodule')) });
    expect(output.stdout).toMatch(saidByRun('from LFS'));
    expect(await remains(runner)).toEqual([]);

    const without = await runner.ssh(command(main.url));
    expect(without.code).toBe(3);
    expect(without.stderr).toMatch(
      /^.*does not accept the SSH key; connect with ssh -A, or .*SOURCE_DENIED/m,
    );
    expect(await remains(runner)).toEqual([]);
  });

  it('opens a Mercurial repository over ssh', async () => {
    const name = `t-${randomUUID()}`;
    const directory = join(lab('LAB_HG_ROOT'), name);
    const hg = (...words: string[]) =>
      run('hg', words, { cwd: directory, env: { HGRCPATH: '', HGUSER: 'Ada' } });
    await mkdir(directory);
    try {
      await hg('init');
      await writeFile(join(directory, 'Dockerfile'), `${base()}RUN echo from Mercurial\n`);
      await hg('commit', '--addremove', '--message', 'First');
      const url = `hg+${lab('LAB_HG_SSH')}/${name}`;
      expect(await runner.ssh(command(url), agent.forwarded)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(saidByRun('from Mercurial')),
      });
      expect((await runner.ssh(command(url))).code).toBe(3);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('signs with a key that is tied to this way alone (ssh-add -h)', async () => {
    await using repository = await plain();
    await runner.ssh('version');
    const names = join(runner.directory, 'all_known_hosts');
    const known = [join(runner.directory, 'known_hosts'), lab('LAB_GIT_KNOWN_HOSTS')];
    await writeFile(names, (await Promise.all(known.map((file) => readFile(file, 'utf8')))).join(''));
    await using own = await startAgent();
    const [here, there] = [`[127.0.0.1]:${runner.port}`, `[${gitHost}]:${gitPort}`];
    const tie = (...ways: string[]) =>
      run('ssh-add', ['-q', '-H', names, ...ways.flatMap((way) => ['-h', way]), lab('LAB_GIT_KEY')], {
        env: { SSH_AUTH_SOCK: own.socket },
      });
    await tie(here, `${here}>${there}`);
    expect(await runner.ssh(command(repository.url), own.forwarded)).toMatchObject({ code: 0 });
    await tie(there);
    expect(await runner.ssh(command(repository.url), own.forwarded)).toMatchObject({ code: 3 });
  });

  it('comes over -R /agent:… too, and nothing else does', async () => {
    await using repository = await plain();
    const forward = (path: string) => ({ options: ['-R', `${path}:${agent.socket}`] });
    expect(await runner.ssh(command(repository.url), forward('/agent'))).toMatchObject({ code: 0 });
    const other = await runner.ssh(command(repository.url), forward('/tmp/agent'));
    expect(other).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(
        'forwarding (-R) is refused; this runner takes your ssh-agent alone, with -A or -R /agent:$SSH_AUTH_SOCK\n',
      ),
    });
    expect(await remains(runner)).toEqual([]);
  });

  it("is $SSH_AUTH_SOCK for the program's own command line", async () => {
    await using repository = await plain();
    const words = ['build', '--repo', repository.url, '--no-push', '--known-hosts', '-'];
    const build = (socket: string) =>
      run('sh', ['-c', `exec bin/buildbot "$@" < ${lab('LAB_GIT_KNOWN_HOSTS')}`, 'sh', ...words], {
        env: { SSH_AUTH_SOCK: socket, BUILDBOT_DATA_DIR: join(runner.directory, 'local') },
      });
    expect(await build(agent.socket)).toContain('"exitCode":0');
    await expect(build('')).rejects.toMatchObject({ code: 3 });
  });

  it('does not stand in for a key of the document', async () => {
    await using repository = await plain();
    const wrong = await readFile(lab('LAB_GIT_OTHER_KEY'), 'utf8');
    const input = `git: { sshKey: ${JSON.stringify(wrong)} }\n`;
    const output = await runner.ssh(command(repository.url, '--credentials -'), {
      ...agent.forwarded,
      input,
    });
    expect(output).toMatchObject({ code: 3, stderr: expect.stringContaining('SOURCE_DENIED') });
  });

  it('that nobody can reach any more: exit 3, and nothing is left', async () => {
    await using repository = await plain();
    await using dead = await startAgent();
    await dead.kill();
    const output = await runner.ssh(command(repository.url), dead.forwarded);
    expect(output).toMatchObject({ code: 3, stderr: expect.stringContaining('SOURCE_DENIED') });
    expect(await remains(runner)).toEqual([]);
  });

  describe('that does not answer', () => {
    it('holds a build until its time is over, and the verdict names it', async () => {
      await using repository = await plain();
      await using silent = await startSilentAgent();
      const output = await runner.ssh(command(repository.url, '--timeout 2s'), silent.forwarded);
      expect(output).toMatchObject({
        code: 124,
        stderr: expect.stringContaining('longer than 2.0s, and the ssh-agent of the caller does not answer'),
      });
      expect(await remains(runner)).toEqual([]);
    });

    it('holds nobody who goes away', async () => {
      await using repository = await plain();
      await using silent = await startSilentAgent();
      const client = runner.open(command(repository.url), silent.forwarded);
      await silent.asked;
      expect((await remains(runner)).length).toBeGreaterThan(0);
      client.kill('SIGKILL');
      await until(async () => (await remains(runner)).length === 0);
    });
  });

  it('is in no log and no output', async () => {
    const key = await readFile(lab('LAB_GIT_KEY'), 'utf8');
    const [, line] = key.split('\n');
    await using repository = await plain();
    const output = await runner.ssh(command(repository.url, '--output json'), agent.forwarded);
    expect(output.code).toBe(0);
    const said = output.stdout + output.stderr + JSON.stringify(runner.log);
    expect(said).not.toContain(line);
    expect(said).not.toContain('agent.sock');
  });
});

describe('two callers with agents of their own', () => {
  let callers: Callers;
  beforeAll(async () => {
    callers = await startTwoCallers();
  });
  afterAll(() => callers[Symbol.asyncDispose]());

  it('prove themselves each time: what one opened stays shut for the other', async () => {
    await using repository = await createRepository({ Dockerfile: `${base()}RUN echo secret\n` });
    const commit = await repository.git('rev-parse', 'HEAD');
    await using alices = await startAgent(lab('LAB_GIT_KEY'));
    await using bobs = await startAgent(lab('LAB_GIT_OTHER_KEY'));
    const { runner, keys } = callers;
    const build = (key: string, agent: Agent) =>
      runner.ssh(`build --repo ${repository.url} --revision ${commit} --no-push`, {
        ...agent.forwarded,
        key,
      });
    expect((await build(keys.alice, alices)).code).toBe(0);
    expect((await build(keys.bob, bobs)).code).toBe(3);
    // Not even to herself, once her agent has lost the key.
    await run('ssh-add', ['-q', '-D'], { env: { SSH_AUTH_SOCK: alices.socket } });
    expect((await build(keys.alice, alices)).code).toBe(3);
    // A document proves itself for a while, an agent never does, and neither for the other.
    const document = { input: credentials(), key: keys.alice };
    const flags = `--repo ${repository.url} --revision ${commit} --no-push --credentials -`;
    expect((await runner.ssh(`build ${flags}`, document)).code).toBe(0);
    expect((await build(keys.bob, bobs)).code).toBe(3);
  });
});
