import { assert as assertProperty, property, string, webUrl } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import { parseRepositoryUrl } from '../../../src/model/repository.js';
import { checkRepository } from '../../../src/request/permit-repo.js';

function isPermitted(patterns: string, url: string | undefined): boolean {
  try {
    checkRepository({ repositories: patterns.split(' ') }, url && parseRepositoryUrl(url).url);
    return true;
  } catch (error) {
    if (error instanceof Failure && error.code === 'DENIED') return false;
    throw error;
  }
}

describe('permit-repo', () => {
  it.each([
    ['https://forge.example/team/app', 'https://forge.example/team/app'],
    ['https://forge.example/team/app', 'https://forge.example/team/app.git'],
    ['https://forge.example/team/app', 'HTTPS://Forge.Example:443/team/app.git/'],
    ['https://forge.example/team/app.git', 'https://forge.example/team/app'],
    ['https://forge.example:443/team/*', 'https://forge.example/team/app'],
    ['https://forge.example/team/*', 'https://forge.example/team/sub/app'],
    ['https://forge.example/team/*', 'hg+https://forge.example/team/app'],
    ['hg+https://forge.example/team/*', 'https://forge.example/team/app'],
    ['https://*.forge.example/team/*', 'https://a.forge.example/team/app'],
    ['https://forge.example/My%20Project/*', 'https://forge.example/My%20Project/app'],
    ['*://forge.example/*', 'ssh://git@forge.example/app'],
    ['https://*', 'https://forge.example/team/app'],
    ['*', 'git@forge.example:app'],
    ['git@forge.example:team/*', 'git@forge.example:team/app.git'],
    ['git@forge.example:team/*', 'git@FORGE.example:team/app'],
    ['forge.example:team/*', 'git@forge.example:team/app'],
    ['ssh://git@forge.example/team/*', 'ssh://git@forge.example:22/team/app'],
    ['ssh://forge.example:2222/*', 'ssh://git@forge.example:2222/app'],
    ['file:///srv/git/*', 'file:///srv/git/app.git'],
    ['ssh://hg@forge.example//srv/*', 'ssh://hg@forge.example//srv///app/'],
    ['git@forge.example:~/*', 'git@forge.example:~/app'],
    ['https://forge.example/~a/* !https://forge.example/~a/b', 'https://forge.example/~a/app'],
    ['https://other.example/* https://forge.example/*', 'https://forge.example/app'],
    ['https://forge.example/team/* !https://forge.example/team/secret*', 'https://forge.example/team/app'],
  ])('%s permits %s', (patterns, url) => {
    expect(isPermitted(patterns, url)).toBe(true);
  });

  const secretive = 'git@h:* ssh://git@h/* !git@h:secret/*';
  const secretUrls = 'git@h:* ssh://git@h/* !ssh://git@h:22/secret/*';
  const forbidding = '* !https://forge.example/team/secret !git@forge.example:team/secret';
  it.each<readonly [string, string | undefined]>([
    ['https://forge.example/team/*', 'https://forge.example/team/../other/app'],
    ['https://forge.example/team/*', 'https://forge.example/team/./app'],
    ['https://forge.example/team/*', 'https://forge.example/team/%2e%2e/other/app'],
    ['https://forge.example/team/*', 'https://forge.example/team%2F..%2Fother/app'],
    ['https://forge.example/team/*', 'https://forge.example/team/%252e%252e/other'],
    ['https://forge.example/team/*', 'https://forge.example/team/%ff/app'],
    ['https://forge.example/*/app', 'https://forge.example/other/secret?x=/app'],
    ['https://forge.example/*/app', 'https://forge.example/other/secret#/app'],
    ['https://forge.example/team/*', 'http://forge.example/team/app'],
    ['https://forge.example/team/*', 'https://forge.example:8443/team/app'],
    ['https://forge.example/team/*', 'https://forge.example/teams/app'],
    ['https://forge.example/team/*', 'https://forge.example.evil.example/team/app'],
    ['https://*.forge.example/team/*', 'https://evil.example/x.forge.example/team/app'],
    ['https://forge.example', 'https://forge.example/team/app'],
    ['git@forge.example:team/*', 'git@forge.example:team/../other/app'],
    ['git@forge.example:team/*', 'root@forge.example:team/app'],
    ['git@*.forge.example:team/*', 'git@evil.example:x.forge.example:team/app'],
    // On a plain server the one path begins at home, the other at the root.
    ['git@forge.example:team/*', 'ssh://git@forge.example/team/app'],
    ['ssh://git@forge.example/team/*', 'ssh://root@forge.example/team/app'],
    ['ssh://git@forge.example/team/*', 'ssh://git@forge.example:2222/team/app'],
    // Mercurial: repos at home and repos at the root.
    ['ssh://hg@forge.example/repos/*', 'ssh://hg@forge.example//repos/app'],
    ['ssh://hg@forge.example/repos/*', 'ssh://hg@forge.example/%2Frepos/app'],
    ['ssh://hg@forge.example//repos/*', 'ssh://hg@forge.example/repos/app'],
    ['https://forge.example/*', 'https://forge.example/%E2%80%AEapp'],
    ...[secretive, secretUrls].flatMap((patterns) =>
      [
        'git@h:secret/x',
        'git@h:/secret/x',
        'git@h://secret//x',
        'git@h:~/secret/x',
        'git@h:~git/secret/x',
        'git@h:/~/secret/x',
        'ssh://git@h/secret/x',
        'ssh://git@h//secret/x',
        'ssh://git@h:22/%73ecret/x',
        'ssh://git@h/~/secret/x',
        'ssh://git@h//~/secret/x',
        'ssh://git@h/%7e/secret/x',
        'ssh://git@h/~git/secret/x',
      ].map((url) => [patterns, url] as const),
    ),
    ['git@h:* !git@h:~/secret/*', 'git@h:secret/x'],
    ['git@h:* !git@h:~git/secret/*', 'git@h:secret/x'],
    ['git@h:* !git@h:/secret/*', 'git@h:secret/x'],
    ['ssh://h:2222/* !ssh://h:2222/~/secret/*', 'ssh://git@h:2222/secret/x'],
    ['https://forge.example/team/*', undefined],
    ['*', undefined],
    [forbidding, 'https://forge.example/team/secret'],
    [forbidding, 'https://forge.example/team/secret.git'],
    [forbidding, 'https://forge.example/team/secret.GIT/'],
    [forbidding, 'https://forge.example/team/secret/.git'],
    [forbidding, 'https://forge.example//team///secret//'],
    [forbidding, 'https://FORGE.example./team/secret'],
    [forbidding, 'https://forge.example:0443/team/secret'],
    [forbidding, 'https://forge.example/team/SECRET'],
    [forbidding, 'https://forge.example/team/%73ecret'],
    [forbidding, 'hg+https://forge.example/team/secret'],
    [forbidding, 'git@forge.example:team/secret.git'],
    [forbidding, 'other@forge.example:team/secret'],
    [forbidding, 'ssh://git@forge.example/team/secret'],
    [forbidding, 'ssh://forge.example:22/team/secret.git/'],
  ])('%s does not permit %s', (patterns, url) => {
    expect(isPermitted(patterns, url)).toBe(false);
  });

  it('says what is permitted', () => {
    expect(() =>
      checkRepository({ repositories: ['https://a.example/*', '!*x*'] }, 'https://b.example/c'),
    ).toThrow(
      "this key may not build 'https://b.example/c': its permit-repo allows https://a.example/*, !*x*",
    );
  });

  it('throws nothing else, and no noise leads out of a directory', () => {
    assertProperty(
      property(webUrl({ withQueryParameters: true, withFragments: true }), string(), (url, noise) => {
        for (const text of [url, `https://forge.example/team/${noise}`, `git@forge.example:${noise}`]) {
          let parsed: string;
          try {
            parsed = parseRepositoryUrl(text).url;
          } catch {
            continue;
          }
          try {
            checkRepository({ repositories: ['https://forge.example/team/*'] }, parsed);
            expect(new URL(parsed).pathname).toMatch(/^\/team(?:\/|$)/);
          } catch (error) {
            expect(error).toMatchObject({ code: 'DENIED' });
          }
        }
      }),
    );
  });
});
