import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import { parseRepositoryUrl } from '../../../src/model/repository.js';

describe('accepted', () => {
  test.each([
    ['ssh://git@forge.example/team/app.git', 'ssh', 'ssh://forge.example/team/app.git'],
    ['ssh://forge.example:2222/app', 'ssh', 'ssh://forge.example:2222/app'],
    ['ssh://git@[2001:db8::1]:22/app', 'ssh', 'ssh://[2001:db8::1]:22/app'],
    ['git@forge.example:team/app.git', 'ssh', 'forge.example:team/app.git'],
    ['git@forge.example:/srv/app.git', 'ssh', 'forge.example:/srv/app.git'],
    ['https://forge.example/team/app.git', 'https', 'https://forge.example/team/app.git'],
    ['http://127.0.0.1:3000/app', 'http', 'http://127.0.0.1:3000/app'],
    ['file:///srv/git/app.git', 'file', 'file:///srv/git/app.git'],
  ])('%s', (url, kind, display) => {
    expect(parseRepositoryUrl(url)).toMatchObject({ kind, url, display });
  });
});

test.each([
  ['SSH://git@forge.example/app', 'ssh://git@forge.example/app'],
  ['HTTP://Forge.example/App', 'http://Forge.example/App'],
  ['FILE:///srv/App', 'file:///srv/App'],
])('git gets %s as %s: it knows schemes in lower case alone', (url, given) => {
  expect(parseRepositoryUrl(url).url).toBe(given);
});

test.each([
  ['https://Forge.Example/app', 'https://forge.example'],
  ['https://forge.example:443/app', 'https://forge.example'],
  ['https://forge.example:8443/app', 'https://forge.example:8443'],
  ['HTTP://forge.example:80/app', 'http://forge.example'],
])('the token of %s is for %s', (url, origin) => {
  expect(parseRepositoryUrl(url).origin).toBe(origin);
});

describe('what the URL says of its kind', () => {
  test.each([
    ['hg+ssh://hg@forge.example/app', 'ssh://hg@forge.example/app', 'hg', true],
    ['hg+https://forge.example/app', 'https://forge.example/app', 'hg', true],
    ['HG+http://forge.example/app', 'http://forge.example/app', 'hg', true],
    ['hg+file:///srv/app', 'file:///srv/app', 'hg', true],
    ['ssh://hg@forge.example/app', 'ssh://hg@forge.example/app', 'hg', false],
    ['ssh://hgx@forge.example/app', 'ssh://hgx@forge.example/app', 'git', false],
    ['hg@forge.example:app', 'hg@forge.example:app', 'git', false],
    ['https://hg.example/app', 'https://hg.example/app', 'git', false],
  ])('%s', (text, url, suggested, demanded) => {
    expect(parseRepositoryUrl(text)).toMatchObject({ url, vcs: { suggested, demanded } });
  });

  test('names what it is in a refusal', () => {
    expect(failureOf(() => parseRepositoryUrl('ext::x', 'lfs.url')).message).toContain(
      "'ext::x' is not accepted as lfs.url",
    );
  });
});

describe('refused', () => {
  test.each([
    'hg+ext::sh',
    'hg+hg+ssh://forge.example/app',
    'hg+https://user:hunter2@forge.example/app',
    'hg+ssh://-oProxyCommand=touch/app',
    '',
    '-oProxyCommand=touch',
    '--upload-pack=touch',
    'ext::sh',
    'ext::sh -c touch% /tmp/x',
    'fd::17',
    'ftp://forge.example/app',
    'git://forge.example/app',
    'file://forge.example/app',
    '/srv/git/app.git',
    './app',
    'forge.example',
    'https://',
    'https://forge.example',
    'https:///app',
    'ssh://-oProxyCommand=touch/app',
    'ssh://git@-oProxyCommand=touch/app',
    'ssh://-git@forge.example/app',
    'ssh://%2doProxyCommand=touch/app',
    '-git@forge.example:app',
    'git@-forge.example:app',
    'git@forge.example:-app',
    'git@forge.example::app',
    'https://good.example\\@evil.example/app',
    'https://forge.example/a\nb',
    'https://forge.example/a b',
    'https://forge.example:80:80/app',
    'https://forge.example/a\u009b2Jb',
    'git@forge.example:a\u202eb',
    'ssh://git@forge.example/a\u200bb',
    'https://forge.example/a\ue000b',
    'https://forge.example/a\ud800b',
    'file:///srv/a\u2028b',
    'file:///srv/a\u00a0b',
  ])('%j', (url) => {
    expect(() => parseRepositoryUrl(url)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

test.each([
  'https://user:hunter2@forge.example/app',
  'https://hunter2@forge.example/app',
  'ssh://git:hunter2@forge.example/app',
  'http://hunter2:@forge.example/app\t',
  'ftp://user:hunter2@forge.example/app',
])('a password in %s is refused, not repeated, and sent to where it belongs', (url) => {
  const failure = failureOf(() => parseRepositoryUrl(url));
  expect(failure.code).toBe('USAGE');
  expect(failure.line).not.toContain('hunter2');
});

test('a refusal sends nothing to the terminal that it could obey', () => {
  expect(failureOf(() => parseRepositoryUrl('git@forge.example:a\u009b2J\u202eb\u2028')).message).toContain(
    "'git@forge.example:a?2J?b?' is not accepted",
  );
});

test('credentials in the URL: the hint names the document', () => {
  expect(failureOf(() => parseRepositoryUrl('https://user:hunter2@forge.example/app')).line).toBe(
    "the URL of the repository on 'forge.example' holds a user name or a password; " +
      'leave them out and put git.username and git.token into the document of --credentials - (USAGE)',
  );
});

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
  }
  throw new Error('it did not fail');
}
