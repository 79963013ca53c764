import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { lab } from '../lab/environment.js';
import { execute, pathWith, recipe, start, startJobForge, type Situation } from './recipes.js';
import { servedDigest } from './registry.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { run } from './run.js';
import { outputOf, startRunner, type Runner } from './runner.js';

describe('docs/use.md, as it stands there', () => {
  let runner: Runner;
  let repository: Repository;
  let revision: string;
  let image: string;
  // A RUN that was seen before is not run again.
  const greeting = `hello ${randomUUID()}`;
  let sandbox: Situation;
  let knownHosts: string;
  let calls: () => Promise<string>;
  const inside = (name: string) => join(runner.directory, name);

  beforeAll(async () => {
    runner = await startRunner({ BUILDBOT_MAX_BUILDS: '1', BUILDBOT_MAX_QUEUED: '0' });
    repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nCOPY greeting /\nRUN cat /greeting\n`,
      greeting: `${greeting}\n`,
    });
    revision = await repository.git('rev-parse', 'HEAD');
    image = `${lab('LAB_AUTH_REGISTRY')}/use/${repository.name}`;
    // Where the page says build.example, the test says where its runner listens; all else comes from the page.
    const scan = recipe("A key, and the runner's host key").replace(
      '-p 2222 build.example',
      `-p ${runner.port} 127.0.0.1`,
    );
    const { stdout } = await execute(['sh', '-euc', scan], { cwd: runner.directory, environment: {} });
    expect(stdout).toContain(runner.log.find(({ msg }) => msg === 'ready')!.hostKey as string);
    knownHosts = await readFile(inside('known_hosts'), 'utf8');
    await writeFile(inside('config'), sshConfig(inside('known_hosts')));
    await writeFile(inside('credentials.yml'), credentials());
    const PATH = await pathWith(inside('bin'), {
      ssh: `printf '%s\\n' "$*" >>${inside('calls')}\nexec /usr/bin/ssh -F ${inside('config')} "$@"`,
      // Of a retry: instead of waiting until the runner is free, frees it.
      sleep: `echo "slept $1" >&2; ssh buildbot cancel blocker >&2`,
    });
    calls = () => readFile(inside('calls'), 'utf8');
    sandbox = { cwd: repository.directory, environment: { PATH } };
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  // The first value that ssh finds counts: the lines in front say where, the recipe says how.
  const sshConfig = (known: string) => `Host buildbot
  HostName 127.0.0.1
  Port ${runner.port}
  IdentityFile ${inside('key')}
  IdentityAgent none
  UserKnownHostsFile ${known}
${recipe('~/.ssh/config')}`;

  const withEnvironment = (more: Record<string, string>): Situation => ({
    ...sandbox,
    environment: { ...sandbox.environment, ...more },
  });

  const free = async () => {
    while (!(await runner.ssh('status --output json')).stdout.includes('"running":0'));
  };

  it('~/.ssh/config: gets in, and to no other runner than the one that is pinned', async () => {
    expect(await execute(['ssh', 'buildbot', 'version'], sandbox)).toMatchObject({ code: 0 });
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', inside('other')]);
    await writeFile(inside('wrong_hosts'), `buildbot ${await readFile(inside('other.pub'), 'utf8')}`);
    await writeFile(inside('wrong'), sshConfig(inside('wrong_hosts')));
    const refused = await execute(['/usr/bin/ssh', '-F', inside('wrong'), 'buildbot', 'version'], sandbox);
    expect(refused).toMatchObject({ code: 255, stdout: '' });
  });

  describe('a deploy script', () => {
    const deploy = async (what: string) => {
      await writeFile(inside('image.sh'), recipe('A deploy script'), { mode: 0o755 });
      const given = { REPO: repository.url, IMAGE: image, CREDENTIALS: inside('credentials.yml') };
      return execute([inside('image.sh'), what], withEnvironment(given));
    };

    it('waits until the runner takes the build, and prints the image by its digest', async () => {
      const blocker = runner.open('build --context - --no-push --id blocker');
      const ended = outputOf(blocker);
      while (!(await runner.ssh('status')).stdout.includes('blocker'));
      const { code, stdout, stderr } = await deploy(revision);
      expect([code, stderr]).toEqual([0, expect.stringContaining('slept 30')]);
      expect(stdout).toBe(`${image}@${await servedDigest(`${image}:${revision}`, true)}\n`);
      expect(await ended).toMatchObject({ code: 130 });
    });

    it('does not try again what cannot work', async () => {
      const { code, stdout, stderr } = await deploy('no-such-branch');
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).not.toContain('slept');
    });
  });

  it('Makefile: image and try', async () => {
    await repository.git('remote', 'add', 'origin', repository.url);
    await writeFile(inside('Makefile'), recipe('Makefile'));
    const make = (target: string) =>
      execute(
        ['make', '-f', inside('Makefile'), target],
        withEnvironment({ IMAGE: `${image}-make`, CREDENTIALS: inside('credentials.yml') }),
      );
    expect(await make('image')).toMatchObject({ code: 0 });
    expect(await servedDigest(`${image}-make:${revision}`, true)).toBeDefined();
    await writeFile(join(repository.directory, 'greeting'), `not committed: ${greeting}\n`);
    const { code, stdout } = await make('try');
    await repository.git('checkout', '-q', 'greeting');
    expect([code, stdout]).toEqual([0, expect.stringContaining(`not committed: ${greeting}`)]);
  });

  it('git post-receive hook: builds what is pushed, and tells who pushes', async () => {
    const bare = inside('app.git');
    await run('git', ['init', '-q', '--bare', '-b', 'main', bare]);
    await run('git', ['-C', bare, 'config', 'buildbot.image', `${image}-hook`]);
    await run('git', ['-C', bare, 'config', 'buildbot.credentials', inside('credentials.yml')]);
    await writeFile(join(bare, 'hooks/post-receive'), recipe('git post-receive hook'));
    await chmod(join(bare, 'hooks/post-receive'), 0o755);
    const push = (...refs: string[]) => execute(['git', 'push', '-q', bare, ...refs], sandbox);
    const pushed = await push('main', 'main:refs/tags/v1', 'main:other');
    expect(pushed).toMatchObject({ code: 0, stderr: expect.stringContaining(greeting) });
    for (const tag of ['latest', 'v1'])
      expect(await servedDigest(`${image}-hook:${tag}`, true)).toBeDefined();
    expect(pushed.stderr).not.toContain('is not built');
    expect((await push(':refs/tags/v1')).stderr).not.toContain('STEP');
    await writeFile(inside('credentials.yml'), '{}');
    const unpaid = await push('main:refs/tags/v2');
    await writeFile(inside('credentials.yml'), credentials());
    expect(unpaid.stderr).toContain(
      `refs/tags/v2 is pushed, but ${image}-hook:v2 is not built (exit code 4)`,
    );
  });

  it('GitHub Actions: the step runs as the system runs it', async () => {
    const workflow = parse(recipe('GitHub Actions')) as {
      on: { push: object };
      permissions: object;
      jobs: Record<string, { steps: { env: Record<string, string>; run: string }[] }>;
    };
    expect(Object.keys(workflow)).toEqual(['name', 'on', 'permissions', 'jobs']);
    const [step] = workflow.jobs.image!.steps;
    // An expression in a script is text that anybody may have written.
    expect(step!.run).not.toContain('${{');
    const contexts: Record<string, string> = {
      'vars.BUILDBOT': `ssh://127.0.0.1:${runner.port}`,
      'vars.BUILDBOT_KNOWN_HOSTS': knownHosts.trimEnd(),
      'secrets.BUILDBOT_KEY': (await readFile(inside('key'), 'utf8')).trimEnd(),
      'github.token': lab('LAB_GIT_HTTP_TOKEN'),
      'vars.IMAGE': `${image}-github`,
      'vars.REGISTRY_USER': lab('LAB_AUTH_USERNAME'),
      'secrets.REGISTRY_PASSWORD': lab('LAB_AUTH_PASSWORD'),
    };
    const environment = Object.entries(step!.env).map(([name, value]) => {
      const found = contexts[/^\$\{\{ (\S+) \}\}$/.exec(value)![1]!];
      if (found === undefined) throw new Error(`${name}: ${value}`);
      return [name, found];
    });
    await writeFile(inside('step.sh'), step!.run);
    const { code, stderr } = await execute(
      ['bash', '-e', inside('step.sh')],
      withEnvironment({
        ...Object.fromEntries(environment),
        GITHUB_SERVER_URL: `${lab('LAB_GIT_HTTP')}/private`,
        GITHUB_REPOSITORY: repository.name,
        GITHUB_SHA: revision,
        GITHUB_REF_NAME: 'main',
        RUNNER_TEMP: runner.directory,
      }),
    );
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
    expect(await servedDigest(`${image}-github:main`, true)).toBeDefined();
  });

  it('GitLab CI: the script runs as the system runs it', async () => {
    await using forge = await startJobForge('glcbt-64_a1b2c3');
    const { 'build-image': job } = parse(recipe('GitLab CI')) as Record<string, { script: string[] }>;
    // A variable of the type File, as the system's runner writes it.
    await copyFile(inside('key'), inside('variable'));
    await chmod(inside('variable'), 0o666);
    const { code, stderr } = await execute(
      ['sh', '-euc', job!.script.join('\n')],
      withEnvironment({
        BUILDBOT: `ssh://127.0.0.1:${runner.port}`,
        BUILDBOT_KEY: inside('variable'),
        BUILDBOT_KNOWN_HOSTS: inside('known_hosts'),
        CI_PROJECT_URL: `${forge.url}/private/${repository.name}`,
        CI_COMMIT_SHA: revision,
        CI_COMMIT_REF_SLUG: 'main',
        CI_JOB_TOKEN: 'glcbt-64_a1b2c3',
        CI_REGISTRY: lab('LAB_AUTH_REGISTRY'),
        CI_REGISTRY_IMAGE: `${image}-gitlab`,
        CI_REGISTRY_USER: lab('LAB_AUTH_USERNAME'),
        CI_REGISTRY_PASSWORD: lab('LAB_AUTH_PASSWORD'),
      }),
    );
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
    expect(await servedDigest(`${image}-gitlab:main`, true)).toBeDefined();
  });

  describe('an orchestrator in Node.js', () => {
    const orchestrate = async (what: string) => {
      await writeFile(inside('build.mjs'), recipe('An orchestrator in Node.js'));
      const given = {
        GIT_TOKEN: lab('LAB_GIT_HTTP_TOKEN'),
        REGISTRY_USER: lab('LAB_AUTH_USERNAME'),
        REGISTRY_PASSWORD: lab('LAB_AUTH_PASSWORD'),
      };
      const url = `${lab('LAB_GIT_HTTP')}/private/${repository.name}.git`;
      const words = [process.execPath, inside('build.mjs'), url, what, `${image}-node`];
      return start(words, withEnvironment(given));
    };

    it('shows steps and the digest', async () => {
      const { code, stdout } = await outputOf(await orchestrate(revision));
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^image …\nimage succeeded, [\d.]+ s$/m)]);
      expect(stdout).toContain(`:${revision}@${await servedDigest(`${image}-node:${revision}`, true)}\n`);
    });

    it('ends as the build does', async () => {
      const { code, stderr } = await outputOf(await orchestrate('no-such-branch'));
      expect([code, stderr]).toEqual([3, expect.stringContaining('(REVISION_NOT_FOUND)')]);
    });

    it('cancels on SIGINT', async () => {
      await repository.git('checkout', '-q', '-b', 'slow');
      await writeFile(
        join(repository.directory, 'Dockerfile'),
        `FROM ${lab('LAB_BASE_IMAGE')}\nRUN sleep 600\n`,
      );
      await repository.git('commit', '-qam', 'Slow');
      await repository.git('push', '-q', join(lab('LAB_GIT_ROOT'), `${repository.name}.git`), 'slow');
      const child = await orchestrate('slow');
      const closed = once(child, 'close');
      for await (const line of createInterface(child.stdout)) if (line === 'image …') child.kill('SIGINT');
      expect(await closed).toEqual([130, null]);
      await free();
    });
  });

  it('no secret was ever an argument', async () => {
    const seen = await calls();
    expect(seen).toContain('--credentials -');
    for (const name of ['LAB_GIT_HTTP_TOKEN', 'LAB_AUTH_PASSWORD']) expect(seen).not.toContain(lab(name));
    expect(seen).not.toMatch(/PRIVATE KEY|glcbt/);
  });
});
