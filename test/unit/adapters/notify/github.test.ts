import { describe, expect, test } from 'vitest';
import { githubRepository, statusRequest } from '../../../../src/adapters/notify/github.js';
import { Secret } from '../../../../src/model/secret.js';
import { failure, success } from '../../../fakes/notification.js';

const token = new Secret('ghp_0123');

describe('which repository a URL names', () => {
  test.each([
    ['git@github.com:team/app.git', 'https://api.github.com'],
    ['ssh://git@github.com/team/app.git', 'https://api.github.com'],
    ['ssh://git@ssh.github.com:443/team/app.git', 'https://api.github.com'],
    ['https://github.com/team/app', 'https://api.github.com'],
    ['https://GitHub.com/team/app.git/', 'https://api.github.com'],
    ['git@octo.ghe.com:team/app.git', 'https://api.octo.ghe.com'],
  ])('%s', (repo, apiRoot) => {
    expect(githubRepository(repo)).toEqual({ owner: 'team', name: 'app', apiRoot });
  });

  test.each([
    'file:///srv/git/team/app.git',
    'git@gitlab.com:team/app.git',
    // The repository's build.yml decides that GitHub is told: a URL alone must not get the token.
    'https://github.company.example/team/app.git',
    'git@github.company.example:team/app.git',
    'https://github.com.company.example/team/app',
    'https://ghe.com/team/app',
    'https://evilghe.com/team/app',
    'git@github.com:app.git',
    'https://github.com/group/team/app',
    'https://github.com/../app',
    'hg+ssh://hg@example.com/team/app',
    '',
  ])('%s is refused', (repo) => {
    expect(() => githubRepository(repo)).toThrow(/is not a repository on GitHub/);
  });

  test('the API root of the credentials document wins, and is what names a server of the caller', () => {
    expect(
      githubRepository(
        'https://github.company.example/team/app.git',
        'https://github.company.example/api/v3',
      ),
    ).toEqual({ owner: 'team', name: 'app', apiRoot: 'https://github.company.example/api/v3' });
    expect(githubRepository('git@codeberg.org:team/app.git', 'https://codeberg.org/api/v1/')).toEqual({
      owner: 'team',
      name: 'app',
      apiRoot: 'https://codeberg.org/api/v1',
    });
  });
});

describe('the status', () => {
  test('is a POST to the commit', () => {
    const { url, headers, body } = statusRequest(success, { token });
    expect(url).toBe(`https://api.github.com/repos/team/app/statuses/${success.revision.id}`);
    expect(headers).toMatchObject({
      accept: 'application/vnd.github+json',
      authorization: 'Bearer ghp_0123',
      'x-github-api-version': '2022-11-28',
      'user-agent': 'buildbot',
    });
    expect(JSON.parse(body)).toEqual({
      state: 'success',
      context: 'buildbot/app',
      description: 'built and pushed 2 images in 31 s',
      target_url: 'https://buildbot.example.com/builds/b-20260102-1',
    });
  });

  test('has no target without a page of the build', () => {
    const { url: _, ...pageless } = failure;
    expect(JSON.parse(statusRequest(pageless, { token }).body)).toEqual({
      state: 'failure',
      context: 'buildbot/app',
      description: 'test: npm test exited with 1',
    });
  });

  test.each(['x'.repeat(141), '👩‍🚀'.repeat(60), 'a\nb\r\n\u0007c'.repeat(50)])(
    'a description has one line of at most 140 characters',
    (summary) => {
      const body = statusRequest({ ...success, summary }, { token }).body;
      const { description } = JSON.parse(body) as { description: string };
      expect(description.length).toBeLessThanOrEqual(140);
      expect(description).toMatch(/…$/);
      expect(description).not.toMatch(/[\u0000-\u001f]|[\ud800-\udbff]…/);
    },
  );
});
