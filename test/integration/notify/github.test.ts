import { describe, expect, test } from 'vitest';
import { createNotifier } from '../../../src/adapters/notify/notifier.js';
import { Secret } from '../../../src/model/secret.js';
import type { Notification } from '../../../src/ports.js';
import { failure, pending, success } from '../../fakes/notification.js';
import { fakeClock } from '../../fakes/ports.js';
import { answer, receiver, type Answer, type Received } from './servers.js';

const TOKEN = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789';
const KNOWN = /^\/api\/v3\/repos\/team\/app\/statuses\/(1f0c5b9d3a7e4c2b8d6f0e1a2b3c4d5e6f708192)$/;

/** Checks what the REST API checks (docs.github.com/rest/commits/statuses), in its order, with its answers. */
const github: Answer = (request, response) => {
  const say = (status: number, body: object) =>
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(body));
  const problem = (status: number, message: string) =>
    say(status, { message, documentation_url: 'https://docs.github.com/rest' });
  const { method, path, headers, body } = request;
  if (headers['user-agent'] === undefined) return problem(403, 'Request forbidden by administrative rules.');
  if (headers.authorization !== `Bearer ${TOKEN}`) return problem(401, 'Bad credentials');
  if (headers['x-github-api-version'] !== '2022-11-28')
    return problem(400, 'The API version is not supported');
  if (headers.accept !== 'application/vnd.github+json') return problem(415, 'Unsupported media type');
  const [, sha] = KNOWN.exec(path) ?? [];
  if (method !== 'POST' || sha === undefined) return problem(404, 'Not Found');
  const wrong = validate(JSON.parse(body) as Record<string, unknown>);
  return wrong === undefined
    ? say(201, { id: 1, ...(JSON.parse(body) as object) })
    : problem(422, `Validation Failed: ${wrong}`);
};

function validate(status: Record<string, unknown>): string | undefined {
  const { state, description, context, target_url: target, ...unknown } = status;
  if (!['error', 'failure', 'pending', 'success'].includes(state as string)) return 'state';
  if (typeof description !== 'string' || description.length > 140) return 'description is too long';
  if (typeof context !== 'string' || context === '' || context.length > 255) return 'context';
  if (target !== undefined && !/^https?:\/\//.test(target as string)) return 'target_url';
  return Object.keys(unknown)[0];
}

function tell(url: string, notification: Notification = success, token = TOKEN) {
  const credentials = { github: { token: new Secret(token), apiUrl: `${url}/api/v3` } };
  const access = { credentials, signal: new AbortController().signal };
  return createNotifier({ clock: fakeClock() }).notify('github', notification, access);
}

test.each([pending, success, failure])('a status of $state is accepted', async (notification) => {
  const { url, received } = await receiver(github);
  await tell(url, { ...notification, summary: 'é'.repeat(300) });
  const { state, context } = JSON.parse((received as [Received])[0].body) as Record<string, string>;
  expect({ state, context }).toEqual({ state: notification.state, context: 'buildbot/app' });
});

describe('a refusal', () => {
  test('of the token is told in GitHub’s words', async () => {
    const { url, received } = await receiver(github);
    await expect(tell(url, success, 'ghp_wrong')).rejects.toThrow(/^github: 401 Bad credentials$/);
    expect(received).toHaveLength(1);
  });

  test('of a commit that is not there', async () => {
    const { url } = await receiver(github);
    const revision = { ...success.revision, id: 'f'.repeat(40) };
    await expect(tell(url, { ...success, revision })).rejects.toThrow(/^github: 404 Not Found$/);
  });

  test('that repeats the token does not give it away, nor a second line', async () => {
    const body = JSON.stringify({ message: `who is\n${TOKEN}?` });
    const { url } = await receiver(answer(400, {}, body));
    await expect(tell(url)).rejects.toThrow(/^github: 400 who is \*\*\*\?$/);
  });

  test('without a text of GitHub’s shows its status alone', async () => {
    const { url } = await receiver(answer(404, {}, '<html>some other server</html>'));
    await expect(tell(url)).rejects.toThrow(/^github: 404$/);
  });
});

test('a secondary rate limit, a 403 with Retry-After, is waited for', async () => {
  const { url, received } = await receiver(answer(403, { 'retry-after': '20' }), github);
  await tell(url);
  expect(received).toHaveLength(2);
});

test('a renamed repository is followed where it went on the same API', async () => {
  const location = `/api/v3/repos/team/app/statuses/${success.revision.id}`;
  const { url, received } = await receiver(answer(307, { location }), github);
  await tell(url, { ...success, repo: 'git@github.example:team/old.git' });
  expect(received).toHaveLength(2);
});

test('another forge is not told the token', async () => {
  const access = {
    credentials: { github: { token: new Secret(TOKEN) } },
    signal: new AbortController().signal,
  };
  const told = createNotifier({ clock: fakeClock() }).notify(
    'github',
    { ...success, repo: 'git@gitlab.com:team/app.git' },
    access,
  );
  await expect(told).rejects.toThrow(
    /^github: 'gitlab\.com:team\/app\.git' is not a repository on GitHub; a GitHub Enterprise server is named by/,
  );
});

test.each([
  ['github', 'notify.github.token'],
  ['slack', 'notify.slack.url'],
  ['webhook', 'notify.webhook.url'],
  ['email', 'notify.email.smtp'],
] as const)('without credentials, %s names the key that is missing', async (channel, key) => {
  const access = { credentials: {}, signal: new AbortController().signal };
  await expect(createNotifier({ clock: fakeClock() }).notify(channel, success, access)).rejects.toThrow(
    new RegExp(`^${key} is not in the credentials document$`),
  );
});
