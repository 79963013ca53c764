import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createClock } from '../../../src/adapters/clock.js';
import { createNotifier } from '../../../src/adapters/notify/notifier.js';
import { webhookBody } from '../../../src/adapters/notify/webhook-body.js';
import { Secret } from '../../../src/model/secret.js';
import { success } from '../../fakes/notification.js';
import { answer, receiver, type Received } from './servers.js';

const page = await readFile(new URL('../../../docs/reference/notifications.md', import.meta.url), 'utf8');

function block(language: string): string {
  const [, text] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? [];
  if (text === undefined) throw new Error(`the page has no ${language} block`);
  return text;
}

test('the example of the page is what is sent', () => {
  expect(block('json')).toBe(`${JSON.stringify(webhookBody(success), null, 2)}\n`);
});

async function delivery(secret: string): Promise<Received> {
  const { url, received } = await receiver(answer(200));
  const webhook = { url: new Secret(url), secret: new Secret(secret) };
  const access = { credentials: { webhook }, signal: new AbortController().signal };
  await createNotifier({ clock: createClock() }).notify('webhook', success, access);
  return received[0]!;
}

type Verify = (secret: string, headers: Record<string, unknown>, body: string) => Promise<boolean>;

const inNode: Verify = async (secret, headers, body) => {
  const source = `data:text/javascript,${encodeURIComponent(block('js'))}`;
  const { verify } = (await import(source)) as { verify: (...all: Parameters<Verify>) => boolean };
  return verify(secret, headers, body);
};

const inShell: Verify = async (secret, headers, body) => {
  const cwd = await mkdtemp(join(tmpdir(), 'webhook-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, 'body'), body);
  const env = {
    PATH: process.env['PATH'],
    secret,
    id: String(headers['webhook-id']),
    time: String(headers['webhook-timestamp']),
    signature: String(headers['webhook-signature']),
  };
  return await promisify(execFile)('sh', ['-euc', block('sh')], { cwd, env }).then(
    () => true,
    () => false,
  );
};

describe.each([
  ['Node', inNode],
  ['the shell', inShell],
])('the recipe for %s', (_, verify) => {
  test.each(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'any words, Ünïcode % too'])(
    'accepts what is sent with %s, and nothing else',
    async (secret) => {
      const { headers, body } = await delivery(secret);
      expect(await verify(secret, headers, body)).toBe(true);
      expect(await verify(`${secret}BBBB`, headers, body)).toBe(false);
      expect(await verify(secret, headers, `${body} `)).toBe(false);
      const old = String(Number(headers['webhook-timestamp']) - 301);
      expect(await verify(secret, { ...headers, 'webhook-timestamp': old }, body)).toBe(false);
      expect(await verify(secret, { ...headers, 'webhook-id': 'msg_other' }, body)).toBe(false);
      expect(await verify(secret, {}, body)).toBe(false);
    },
  );
});
