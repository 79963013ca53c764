import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, createWorld, resultOf, type World } from './world.js';

const FILES = () => ({ 'copy.Dockerfile': `FROM ${base()}\nARG MARK\nCOPY . /src\nRUN cat /src/text\n` });

/** What happens to a file on a bad disk, or under a bad hand. */
const damages: Record<string, (file: string) => Promise<unknown>> = {
  'cut in half': async (file) => truncate(file, Math.floor((await stat(file)).size / 2)),
  emptied: (file) => truncate(file, 0),
  'filled with noise': async (file) => writeFile(file, randomBytes((await stat(file)).size)),
  'changed in the middle': async (file) => {
    const bytes = await readFile(file);
    const middle = Math.floor(bytes.length / 2);
    bytes.fill(0xff, middle, middle + 8);
    await rm(file);
    await writeFile(file, bytes);
  },
  removed: (file) => rm(file, { recursive: true }),
};

describe('a mirror that is damaged on disk', () => {
  let world: World;
  let text: string;
  beforeAll(async () => {
    world = await createWorld({}, FILES());
    await change();
    await build(text);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const build = async (content: string) => {
    const output = await world.build(`--no-push -f copy.Dockerfile --build-arg MARK=${randomUUID()}`).ended;
    expect(output, output.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining(content) });
    return resultOf(output);
  };
  const change = async () => {
    text = randomUUID();
    await world.repository.commit({ text });
  };
  const filesOf = async (pattern: RegExp) => {
    const root = join(world.data, 'git');
    const names = (await readdir(root, { recursive: true })).filter((name) => pattern.test(name));
    return names.map((name) => join(root, name));
  };

  it.each([
    ['the pack', /\.pack$/, ['cut in half', 'changed in the middle', 'removed']],
    ["the pack's index", /\.idx$/, ['emptied', 'filled with noise', 'removed']],
    ['the refs', /refs\/buildbot\/[0-9a-f]{40}$/, ['emptied', 'filled with noise', 'removed']],
    ['HEAD', /\.git\/HEAD$/, ['filled with noise', 'removed']],
    ['config', /\.git\/config$/, ['filled with noise', 'removed']],
    ['shallow', /\.git\/shallow$/, ['filled with noise', 'removed']],
    ['all objects', /\.git\/objects$/, ['removed']],
    ['the whole repository', /\.git$/, ['removed']],
  ])('%s: the same revision and the next one build all the same', async (_, pattern, how) => {
    for (const kind of how) {
      const damage = async () => {
        for (const file of await filesOf(pattern)) await damages[kind]!(file);
      };
      await damage();
      await build(text);
      await damage();
      await change();
      await build(text);
    }
    await world.expectSound();
  });
});
