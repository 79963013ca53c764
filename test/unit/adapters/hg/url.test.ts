import { expect, test } from 'vitest';
import { mercurialUrl } from '../../../../src/adapters/hg/url.js';
import { parseRepositoryUrl } from '../../../../src/model/repository.js';

test.each([
  ['ssh://hg@forge.example/team/app', 'ssh://hg@forge.example/team/app'],
  ['hg+ssh://forge.example:2222//srv/app', 'ssh://forge.example:2222//srv/app'],
  ['hg@forge.example:team/app', 'ssh://hg@forge.example/team/app'],
  ['hg@forge.example:/srv/a%20b', 'ssh://hg@forge.example//srv/a%2520b'],
  ['hg@[2001:db8::1]:app', 'ssh://hg@[2001:db8::1]/app'],
  ['https://Forge.Example:443/Team/App?x', 'https://forge.example/Team/App?x'],
  ['hg+http://forge.example:8080/app', 'http://forge.example:8080/app'],
  ['file:///srv/app', 'file:///srv/app'],
])('%s is %s to Mercurial', (url, expected) => {
  expect(mercurialUrl(parseRepositoryUrl(url))).toBe(expected);
});

test('a branch in the URL is refused', () => {
  expect(() => mercurialUrl(parseRepositoryUrl('https://forge.example/app#stable'))).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: 'name a branch with --revision' }),
  );
});
