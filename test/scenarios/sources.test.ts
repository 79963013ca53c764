import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { createRepository, credentials } from './repository.js';
import { run } from './run.js';
import { startRunner, type Runner } from './runner.js';

const dockerfile = () => `FROM ${lab('LAB_BASE_IMAGE')}\nCOPY . /src\nRUN cat /src/sub/text /src/text\n`;

describe('sources', () => {
  let runner: Runner;

  beforeAll(async () => {
    runner = await startRunner();
  });

  afterAll(() => runner[Symbol.asyncDispose]());

  const build = (flags: string) =>
    runner.ssh(`build ${flags} --image sources --no-push --output result --credentials -`, {
      input: credentials(),
    });

  it('a private Mercurial repository over ssh, by bookmark', async () => {
    const name = `t-${randomUUID()}`;
    const directory = join(lab('LAB_HG_ROOT'), name);
    const hg = (...words: string[]) =>
      run('hg', words, { cwd: directory, env: { HGRCPATH: '', HGUSER: 'Ada <ada@example.invalid>' } });
    await mkdir(join(directory, 'sub'), { recursive: true });
    try {
      await hg('init');
      await writeFile(join(directory, 'Dockerfile'), dockerfile());
      await writeFile(join(directory, 'text'), 'from Mercurial\n');
      await writeFile(join(directory, 'sub/text'), 'from below\n');
      await hg('commit', '--addremove', '--message', 'First');
      await hg('bookmark', 'feature');
      const output = await build(`--repo hg+${lab('LAB_HG_SSH')}/${name} --revision feature`);
      expect(output).toMatchObject({ code: 0, stderr: expect.stringContaining('from below') });
      const { source } = resultSchema.parse(JSON.parse(output.stdout));
      expect(source).toMatchObject({ ref: 'feature', author: 'Ada <ada@example.invalid>' });
      expect(source?.revision).toBe((await hg('log', '-r', '.', '-T', '{node}')).trim());
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('a private submodule, and without it', async () => {
    await using library = await createRepository({ text: 'from the submodule\n' });
    await using main = await createRepository();
    const commit = await library.git('rev-parse', 'HEAD');
    await main.git('update-index', '--add', '--cacheinfo', `160000,${commit},sub`);
    await writeFile(
      join(main.directory, '.gitmodules'),
      `[submodule "sub"]\n\tpath = sub\n\turl = ../${library.name}.git\n`,
    );
    await mkdir(join(main.directory, 'sub'));
    await main.git('-C', 'sub', 'init', '-q');
    await main.git('-C', 'sub', 'fetch', '-q', join(lab('LAB_GIT_ROOT'), `${library.name}.git`), 'main');
    await main.git('-C', 'sub', 'checkout', '-q', commit);
    await main.commit({ Dockerfile: dockerfile(), text: 'from git\n' });
    const output = await build(`--repo ${main.url}`);
    expect(output).toMatchObject({ code: 0, stderr: expect.stringContaining('from the submodule') });
    expect(await build(`--repo ${main.url} --submodules no`)).toMatchObject({ code: 1 });
  });

  it('refuses a contradiction', async () => {
    const output = await build('--repo hg+ssh://forge.example/a --vcs git');
    expect(output).toMatchObject({ code: 2, stderr: expect.stringContaining('the URL says hg') });
  });
});
