import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import {
  base,
  copyPrograms,
  forges,
  remains,
  startAgent,
  startTwoCallers,
  until,
  type Agent,
  type Callers,
} from './agent.js';
import { engineCan, saidByRun } from './engine.js';
import { createRepository, type Repository } from './repository.js';
import { startRunner, type Runner } from './runner.js';

const command = (url: string, flags = '') => `build --repo ${url} --no-push --no-cache ${flags}`;

describe.runIf(engineCan.mountAgents)("the caller's agent in a RUN", () => {
  let runner: Runner;
  let agent: Agent;
  beforeAll(async () => {
    runner = await startRunner(forges());
    agent = await startAgent(lab('LAB_GIT_KEY'));
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await agent[Symbol.asyncDispose]();
  });

  it('lists its keys and signs a login', async () => {
    await using repository = await createRepository();
    await copyPrograms(['/usr/bin/ssh', '/usr/bin/ssh-add'], join(repository.directory, 'tools'));
    const [, host, port] = /@([^:]+):(\d+)/.exec(lab('LAB_GIT_SSH'))!;
    const ssh = `ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no -p ${port} root@${host}`;
    const list = `git-upload-pack '${lab('LAB_GIT_ROOT')}/${repository.name}.git'`;
    await repository.commit({
      Dockerfile: `${base()}COPY tools /\nRUN --mount=type=ssh ssh-add -l && printf 0000 | ${ssh} "${list}"\n`,
    });
    const flags = '--ssh default --network host';
    const output = await runner.ssh(command(repository.url, flags), agent.forwarded);
    expect(output).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(saidByRun('256 SHA256:\\S+ lab accepted \\(ED25519\\)')),
    });
    // What git says to a client once its login has signed.
    expect(output.stdout).toMatch(/[0-9a-f]{40} HEAD/);
    expect(await remains(runner)).toEqual([]);
  });

  it('is not for the RUN lines of a repository, unless --ssh says so', async () => {
    await using repository = await createRepository({
      Dockerfile: `${base()}RUN --mount=type=ssh test -e "$SSH_AUTH_SOCK" || echo no socket\n`,
    });
    const output = await runner.ssh(command(repository.url), agent.forwarded);
    expect(output).toMatchObject({ code: 0, stdout: expect.stringMatching(saidByRun('no socket')) });
    await repository.commit({ Dockerfile: `${base()}RUN --mount=type=ssh,required echo never\n` });
    const required = await runner.ssh(command(repository.url), agent.forwarded);
    expect(required).toMatchObject({ code: 1, stderr: expect.stringContaining('ssh') });
    expect(required.stdout).not.toMatch(saidByRun('never'));
  });

  it('is asked for by --ssh: exit 2 in one line', async () => {
    const { code, stderr } = await runner.ssh(command('https://forge.example/a.git', '--ssh default'));
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        "buildbot: --ssh 'default' needs your ssh-agent, and none came with the request; connect with ssh -A (USAGE)\n",
    });
  });

  describe('while a RUN holds it', () => {
    let repository: Repository;
    beforeAll(async () => {
      repository = await createRepository();
      await copyPrograms(['/usr/bin/ssh-add'], join(repository.directory, 'tools'));
      await repository.commit({
        Dockerfile: `${base()}COPY tools /\nRUN --mount=type=ssh ssh-add -l; echo started; while ssh-add -l; do sleep 0.1; done\n`,
      });
    });
    afterAll(() => repository[Symbol.asyncDispose]());

    async function open(own: Agent) {
      const client = runner.open(command(repository.url, '--ssh default'), own.forwarded);
      client.stdin.end();
      let text = '';
      client.stdout.on('data', (data: Buffer) => (text += data.toString()));
      await until(() => saidByRun('started').test(text));
      return client;
    }

    it('a client is killed: nothing is left', async () => {
      const client = await open(agent);
      client.kill('SIGKILL');
      await until(async () => (await remains(runner)).length === 0);
    });

    it('the agent is killed: the RUN sees that, and nothing is left', async () => {
      await using own = await startAgent(lab('LAB_GIT_KEY'));
      const client = await open(own);
      const ended = once(client, 'close') as Promise<[number]>;
      await own.kill();
      expect((await ended)[0]).toBe(0);
      expect(await remains(runner)).toEqual([]);
    });
  });
});

describe.runIf(engineCan.mountAgents)('two callers whose RUN lines have an agent', () => {
  let callers: Callers;
  beforeAll(async () => {
    callers = await startTwoCallers();
  });
  afterAll(() => callers[Symbol.asyncDispose]());

  it('see their own in builds of one repository at one time, with and without a cache', async () => {
    await using repository = await createRepository();
    await copyPrograms(['/usr/bin/ssh-add'], join(repository.directory, 'tools'));
    await repository.commit({
      Dockerfile: `${base()}COPY tools /\nRUN --mount=type=ssh ssh-add -l; sleep 1 # ${randomUUID()}\n`,
    });
    await using alices = await startAgent(lab('LAB_GIT_KEY'), callers.keys.alice);
    await using bobs = await startAgent(lab('LAB_GIT_KEY'), callers.keys.bob);
    const { runner, keys } = callers;
    const build = (key: string, agent: Agent, flags = '') =>
      runner.ssh(`build --repo ${repository.url} --no-push --ssh default ${flags}`, {
        ...agent.forwarded,
        key,
      });
    for (const flags of ['--no-cache', '', '']) {
      const [alice, bob] = await Promise.all([
        build(keys.alice, alices, flags),
        build(keys.bob, bobs, flags),
      ]);
      expect([alice.code, bob.code]).toEqual([0, 0]);
      expect(alice.stdout).not.toContain(' bob (');
      expect(bob.stdout).not.toContain(' alice (');
      if (flags === '--no-cache') expect(alice.stdout + bob.stdout).toMatch(/ alice \([^]* bob \(/);
    }
    expect(await remains(runner)).toEqual([]);
  });
});

describe('without BuildKit', () => {
  it('--ssh is refused in one line', async () => {
    await using runner = await startRunner({
      BUILDBOT_BUILDKIT: 'no',
      ...forges(),
    });
    await using agent = await startAgent(lab('LAB_GIT_KEY'));
    await using repository = await createRepository({ Dockerfile: base() });
    const output = await runner.ssh(
      `build --repo ${repository.url} --no-push --ssh default`,
      agent.forwarded,
    );
    expect(output).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^.*--ssh: only with BuildKit, .*\(NOT_SUPPORTED\)$/m),
    });
  });
});
