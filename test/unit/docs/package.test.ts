import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

type Packed = { files: { path: string; mode: number }[] };

// npm reads a configuration of its own; nothing of ours runs, and nothing is written.
const answer = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
});
const [packed] = JSON.parse(answer) as [Packed];
const paths = new Set(packed.files.map(({ path }) => path));

it('the package has what runs, what is read, and nothing else', () => {
  const modules = readdirSync('src', { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `dist/${name.replace(/\.ts$/, '.js')}`);
  for (const path of ['bin/buildbot', 'package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', ...modules])
    expect(paths).toContain(path);
  const strange = [...paths].filter(
    (path) =>
      !/^(?:bin\/buildbot|dist\/.*\.js|(?:docs|docker)\/.*|[A-Z]+(?:\.md)?|package\.json)$/.test(path),
  );
  expect(strange).toEqual([]);
  expect(packed.files.find(({ path }) => path === 'bin/buildbot')!.mode & 0o111).toBe(0o111);
});

it('its pages link to nothing that is not in it', () => {
  const links = [...paths]
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, target]) =>
        normalize(join(dirname(path), target!)),
      ),
    );
  // The tests and the benchmark are for those who have a clone.
  const missing = links.filter((target) => !paths.has(target) && !/^(?:test|bench)\//.test(target));
  expect(missing).toEqual([]);
});
