import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import tar from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tree } from '../../../src/model/tree.js';
import { parseDockerignore } from '../../../src/plan/dockerignore.js';
import { ignoreFiles, memoryTree } from '../../../src/plan/trees.js';

const run = promisify(execFile);
const docker = new Docker();
const IMAGE = `buildbot-test-ignore:${process.pid}`;

const files = [
  ...[
    'a.txt',
    'b.md',
    '.env',
    'README.md',
    'Makefile',
    'x[1]',
    'back\\slash',
    'sp ace',
    'ü.txt',
    'foo',
    'foobar',
    'a^b',
    'a-b',
  ],
  ...[
    'src/main.go',
    'src/main_test.go',
    'src/lib/lib.go',
    'src/lib/deep/x.go',
    'src/lib/deep/x.txt',
    'src/.hidden',
  ],
  ...[
    'web/node_modules/left/index.js',
    'node_modules/right/index.js',
    'web/app.js',
    'web/app.css',
    'web/dist/app.js',
  ],
  ...[
    'docs/a/b/c/d.md',
    'docs/README.md',
    'docs/a/README.md',
    'build/out',
    'build/keep/it',
    'a/b/c',
    'a/d',
    'Dockerfile',
  ],
];

/** Sets of patterns on which the classic client decides as BuildKit's does. */
const sets = [
  '',
  '# a.txt',
  'a.txt\nb.md',
  '*.md',
  '**/*.md',
  '*.md\n!README.md',
  '**/*.md\n!docs/a/README.md',
  'docs',
  'docs/',
  '/docs',
  './docs/../src',
  'docs/*',
  'docs/**',
  'docs/a/**\n!docs/a/README.md',
  '**/node_modules',
  'node_modules',
  '*/node_modules',
  '**/node_modules\n!node_modules/right',
  '*',
  '**',
  '*\n!a.txt',
  '*\n!src',
  '*\n!src/lib',
  '*\n!src/*.go',
  '*\n!src/lib/deep/x.go\nsrc/lib/deep/*.txt',
  'src\n!src/lib\nsrc/lib/deep',
  'build\n!build/keep/it',
  '**/keep',
  '?.*',
  'foo?*',
  'foo*',
  '[a-b].*',
  '[^a-b]*.md',
  'x\\[1\\]',
  'x[[]1]',
  'back\\\\slash',
  'sp ace',
  '  sp ace  ',
  'ü.txt',
  '.*',
  '**/.*',
  'a^b',
  'a[-',
  'a\\-b',
  'src/**/x.*',
  '**/deep/**',
  '**/lib/**/*.go',
  'a/b/../d',
  '../a.txt',
  '.',
  '/',
  '!a.txt',
  'Dockerfile\n.dockerignore',
  'web/*\n!web/dist\nweb/dist/*.js',
  '**/app.*\n!**/*.css',
  'b**',
  '**bar',
  'a.txt\n!a.txt\na.txt',
  '[',
  'a\\',
  '!',
];

let context: string;

beforeAll(() => {
  context = mkdtempSync(join(tmpdir(), 'ignore-'));
  for (const path of files) {
    mkdirSync(join(context, dirname(path)), { recursive: true });
    writeFileSync(join(context, path), '');
  }
  mkdirSync(join(context, 'empty/inner'), { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY . /context/\nCMD x\n');
});

afterAll(async () => {
  rmSync(context, { recursive: true });
  await docker.getImage(IMAGE).remove({ force: true });
});

describe('the classic client and engine build the same context', () => {
  test.each(sets)('%j', { timeout: 30_000 }, async (text) => {
    writeFileSync(join(context, '.dockerignore'), text);
    expect(await ours(text)).toEqual(await dockers());
  });
});

// The classic client does not look into a directory that is ignored unless an exception begins with its very
// name; BuildKit's does (tonistiigi/fsutil, filter.go), and is what docker build uses today.
test.each([
  [
    '*\n!src/**/*.go',
    [
      'src',
      'src/lib',
      'src/lib/deep',
      'src/lib/deep/x.go',
      'src/lib/lib.go',
      'src/main.go',
      'src/main_test.go',
    ],
  ],
  ['*\n!**/deep/*.txt', ['src', 'src/lib', 'src/lib/deep', 'src/lib/deep/x.txt']],
])('below a directory that is ignored, an exception with wildcards counts: %j', async (text, expected) => {
  expect(await ours(text)).toEqual(expected);
});

async function ours(text: string): Promise<string[] | 'refused'> {
  const empty = { type: 'directory' as const, path: 'empty/inner', mode: 0o755, mtime: 0 };
  const all = [...files, '.dockerignore'].map((path) => ({
    path,
    mode: 0o644,
    content: Buffer.alloc(0),
    mtime: 0,
  }));
  let tree: Tree;
  try {
    tree = ignoreFiles(memoryTree(all, [empty]), parseDockerignore(text));
  } catch {
    return 'refused';
  }
  return (await tree.entries()).map(({ path }) => path).sort();
}

async function dockers(): Promise<string[] | 'refused'> {
  const environment = { ...process.env, DOCKER_BUILDKIT: '0' };
  try {
    // Looking for a cached step, the engine goes through all images, and fails where another test removes one meanwhile.
    await run('docker', ['build', '--quiet', '--no-cache', '--tag', IMAGE, context], { env: environment });
  } catch (error) {
    const { stderr } = error as { stderr: string };
    if (/syntax error in pattern|illegal exclusion pattern/.test(stderr)) return 'refused';
    throw error;
  }
  const container = await docker.createContainer({ Image: IMAGE });
  try {
    return await pathsIn(await container.getArchive({ path: '/context' }));
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return []; // nothing was left to copy
    throw error;
  } finally {
    await container.remove();
  }
}

async function pathsIn(archive: NodeJS.ReadableStream): Promise<string[]> {
  const paths: string[] = [];
  const extract = archive.pipe(tar.extract());
  for await (const entry of extract) {
    paths.push(entry.header.name.replace(/^context\/?/, '').replace(/\/$/, ''));
    entry.resume();
  }
  return paths.filter((path) => path !== '').sort();
}
