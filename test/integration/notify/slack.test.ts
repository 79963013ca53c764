import { expect, test } from 'vitest';
import { createNotifier } from '../../../src/adapters/notify/notifier.js';
import { Secret } from '../../../src/model/secret.js';
import type { Notification } from '../../../src/ports.js';
import { failure, pending, success } from '../../fakes/notification.js';
import { fakeClock } from '../../fakes/ports.js';
import { answer, receiver, type Answer, type Received } from './servers.js';

const PATH = '/services/T000/B000/abcdefghijklmnopqrstuvwx';

/** Checks what Slack checks of an incoming webhook, and answers as Slack does. */
const slack: Answer = ({ method, path, headers, body }, response) => {
  const say = (status: number, word: string) =>
    response.writeHead(status, { 'content-type': 'text/html' }).end(word);
  if (path !== PATH) return say(404, 'no_service');
  if (method !== 'POST') return say(405, 'method_not_allowed');
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) return say(400, 'invalid_payload');
  const { text, attachments } = JSON.parse(body) as { text?: string; attachments?: { color?: string }[] };
  if (!text) return say(400, 'no_text');
  if (/<!(?:channel|here|everyone)/.test(body)) return say(403, 'action_prohibited');
  const colours = (attachments ?? []).every(({ color }) => /^(?:good|danger)$/.test(color ?? ''));
  return colours ? say(200, 'ok') : say(400, 'invalid_attachments');
};

function tell(url: string, notification: Notification = success) {
  const credentials = { slack: { url: new Secret(url) } };
  const access = { credentials, signal: new AbortController().signal };
  return createNotifier({ clock: fakeClock() }).notify('slack', notification, access);
}

test.each([success, failure])('a build that ended ($state) is told', async (notification) => {
  const { url, received } = await receiver(slack);
  await tell(url + PATH, notification);
  const { text } = JSON.parse((received as [Received])[0].body) as { text: string };
  expect(text).toMatch(/\[app\] (built 1\.2, latest|failed) \(1f0c5b9\)>\*$/);
});

test('a beginning is not', async () => {
  const { url, received } = await receiver(slack);
  await tell(url + PATH, pending);
  expect(received).toEqual([]);
});

test('Slack’s own word says why not, and the URL stays secret', async () => {
  const { url } = await receiver(slack);
  await expect(tell(`${url}/services/T0/B0/wrong`)).rejects.toThrow(/^slack: 404 no_service$/);
});

test('what is not a word of Slack’s is not shown', async () => {
  const { url } = await receiver(answer(403, {}, '<h1>Intranet</h1> admin password: hunter2'));
  await expect(tell(url + PATH)).rejects.toThrow(/^slack: 403$/);
});

test('a busy Slack is asked again when it says', async () => {
  const { url, received } = await receiver(answer(429, { 'retry-after': '1' }, 'rate_limited'), slack);
  await tell(url + PATH);
  expect(received).toHaveLength(2);
});
