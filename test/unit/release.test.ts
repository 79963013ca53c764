import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let directory: string;
const identity = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((who) => [
    [`GIT_${who}_NAME`, 'Ada'],
    [`GIT_${who}_EMAIL`, 'ada@example.invalid'],
  ]),
);
const environment = { ...process.env, ...identity, GIT_CONFIG_GLOBAL: '/dev/null' };
const git = (...words: string[]) =>
  execFileSync('git', words, { cwd: directory, encoding: 'utf8', env: environment }).trim();
const release = (...words: string[]) =>
  spawnSync('bash', ['tools/release', ...words], { cwd: directory, encoding: 'utf8', env: environment });
const read = (name: string) => readFileSync(join(directory, name), 'utf8');
const changelog =
  '# Changelog\n\n## Unreleased\n\n- It flies.\n- It lands.\n\n## 0.0.9 (2026-01-01)\n\n- Wings.\n';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'buildbot-release-'));
  for (const name of ['package.json', 'package-lock.json', 'tools/release', 'docker/Dockerfile'])
    cpSync(name, join(directory, name));
  writeFileSync(join(directory, 'CHANGELOG.md'), changelog);
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-qm', 'First');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('writes the changelog and the version, commits, tags, and pushes nothing', () => {
  git('remote', 'add', 'origin', '/nonexistent');
  expect(release('99.0.0-rc.1').status).toBe(0);
  const { status, stdout } = release('99.0.0');
  expect([status, stdout]).toEqual([2, '']);
  writeFileSync(
    join(directory, 'CHANGELOG.md'),
    read('CHANGELOG.md').replace('## Unreleased\n', '$&\n- More.\n'),
  );
  git('commit', '-qam', 'More');
  expect(release('99.0.0').stdout).toContain('git push origin main v99.0.0');
  const today = new Date().toISOString().slice(0, 10);
  expect(read('CHANGELOG.md')).toBe(
    changelog.replace(
      '## Unreleased\n',
      `$&\n## 99.0.0 (${today})\n\n- More.\n\n## 99.0.0-rc.1 (${today})\n`,
    ),
  );
  expect(git('tag', '--list', '--format=%(refname:short) %(objecttype) %(contents)', 'v99.0.0-rc.1')).toBe(
    'v99.0.0-rc.1 tag buildbot 99.0.0-rc.1\n\n- It flies.\n- It lands.',
  );
  expect([JSON.parse(read('package.json')), JSON.parse(read('package-lock.json'))]).toMatchObject([
    { version: '99.0.0' },
    { version: '99.0.0', packages: { '': { version: '99.0.0' } } },
  ]);
  expect(read('docker/Dockerfile')).toMatch(/^ARG VERSION=99\.0\.0$/m);
  expect(git('log', '-1', '--format=%s %D')).toBe('Release 99.0.0 HEAD -> main, tag: v99.0.0');
  expect(git('status', '--porcelain')).toBe('');
});

it.each([
  ['99.0', 'say which version', () => undefined],
  ['0.0.1', '0.0.1 is older than', () => undefined],
  ['99.0.0', 'not clean', () => writeFileSync(join(directory, 'new'), '')],
  ['99.0.0', 'made on main', () => git('switch', '-qc', 'other')],
  ['99.0.0', 'there is a tag v99.0.0', () => git('tag', 'v99.0.0')],
])('refuses %s: %s', (version, reason, prepare) => {
  prepare();
  const before = [git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('tag')];
  const { status, stderr } = release(version);
  expect([status, stderr]).toEqual([2, expect.stringContaining(reason)]);
  expect([git('rev-parse', 'HEAD'), git('status', '--porcelain'), git('tag')]).toEqual(before);
});

it('leaves nothing behind where the commit is refused', () => {
  writeFileSync(join(directory, '.git/hooks/pre-commit'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  expect(release('99.0.0').status).not.toBe(0);
  expect([git('status', '--porcelain'), git('tag')]).toEqual(['', '']);
});
