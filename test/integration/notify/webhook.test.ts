import { createHmac } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createNotifier, type NotifierOptions } from '../../../src/adapters/notify/notifier.js';
import { Secret } from '../../../src/model/secret.js';
import type { Notification } from '../../../src/ports.js';
import { pending, success } from '../../fakes/notification.js';
import { fakeClock } from '../../fakes/ports.js';
import {
  answer,
  closedPort,
  listen,
  receiver,
  secureReceiver,
  selfSigned,
  silence,
  type Received,
} from './servers.js';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const never = new AbortController().signal;

type Told = {
  notification?: Notification;
  secret?: string;
  options?: Partial<NotifierOptions>;
  signal?: AbortSignal;
};

function tell(url: string, { notification = success, secret, options, signal = never }: Told = {}) {
  const webhook = {
    url: new Secret(url),
    ...(secret !== undefined && { secret: new Secret(secret) }),
  };
  const notifier = createNotifier({ clock: fakeClock(), ...options });
  return notifier.notify('webhook', notification, { credentials: { webhook }, signal });
}

// What a receiver does by the specification, in its own words.
function standardSignature({ headers, body }: Received, key: string): string {
  const content = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.');
  const bytes = Buffer.from(key.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', bytes).update(content, 'utf8').digest('base64')}`;
}

describe('a delivery', () => {
  test('is a signed POST of JSON', async () => {
    const { url, received } = await receiver(answer(204));
    await tell(`${url}/hooks/build?team=a`, { secret });
    expect(received).toHaveLength(1);
    const [got] = received as [Received];
    expect(got).toMatchObject({ method: 'POST', path: '/hooks/build?team=a' });
    expect(got.headers['content-type']).toBe('application/json');
    expect(JSON.parse(got.body)).toMatchObject({ version: 1, state: 'success', project: 'app' });
    expect(got.headers['webhook-signature']).toBe(standardSignature(got, secret));
    const hub = createHmac('sha256', secret).update(got.body).digest('hex');
    expect(got.headers['x-hub-signature-256']).toBe(`sha256=${hub}`);
    const factory = createHmac('sha1', secret).update(got.body).digest('hex');
    expect(got.headers['x-hook-signature']).toBe(factory);
    const written = new Date(Number(got.headers['webhook-timestamp']) * 1000);
    expect(written.toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });

  test('tells the beginning too', async () => {
    const { url, received } = await receiver(answer(200));
    await tell(url, { notification: pending });
    expect(JSON.parse(received[0]!.body)).toMatchObject({ state: 'pending', images: [] });
  });

  test('is not signed without a secret', async () => {
    const { url, received } = await receiver(answer(200));
    await tell(url);
    expect(Object.keys(received[0]!.headers).filter((name) => name.includes('signature'))).toEqual([]);
    expect(received[0]!.headers['webhook-id']).toMatch(/^msg_/);
  });

  test('carries a login of the URL, which is in no message', async () => {
    const { url, received } = await receiver(answer(401));
    const withLogin = url.replace('//', '//ada:hunter2@');
    await expect(tell(withLogin)).rejects.toThrow(/^webhook: 401$/);
    expect(received[0]!.headers.authorization).toBe(`Basic ${Buffer.from('ada:hunter2').toString('base64')}`);
  });

  test('goes over TLS to a certificate that holds, and to no other', async () => {
    const identity = await selfSigned();
    const { url, received } = await secureReceiver(identity, answer(200));
    await expect(tell(url)).rejects.toThrow(/^webhook: 127\.0\.0\.1:\d+: DEPTH_ZERO_SELF_SIGNED_CERT$/);
    expect(received).toEqual([]);
    await tell(url, { options: { ca: identity.cert } });
    expect(received).toHaveLength(1);
  });
});

describe('another try', () => {
  test('after a 503 has the same id and body, and a signature of its own time', async () => {
    const clock = fakeClock();
    const { url, received } = await receiver(answer(503), answer(200));
    await tell(url, { secret, options: { clock } });
    const [first, second] = received as [Received, Received];
    expect(received).toHaveLength(2);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.body).toBe(first.body);
    expect(second.headers['webhook-signature']).toBe(standardSignature(second, secret));
    expect(clock.waited).toEqual([500]);
  });

  test('waits as long as a 429 asks', async () => {
    const clock = fakeClock();
    const { url, received } = await receiver(answer(429, { 'retry-after': '7' }), answer(200));
    await tell(url, { options: { clock } });
    expect([received.length, clock.waited]).toEqual([2, [7000]]);
  });

  test('is not made where a 429 asks for too long', async () => {
    const { url, received } = await receiver(answer(429, { 'retry-after': '3600' }));
    await expect(tell(url)).rejects.toThrow(/^webhook: 429, and asks to wait 3600 s$/);
    expect(received).toHaveLength(1);
  });

  test.each([500, 502, 503])('is given up after three %i', async (status) => {
    const clock = fakeClock();
    const { url, received } = await receiver(answer(status, {}, 'secret things of the inner network'));
    await expect(tell(url, { options: { clock } })).rejects.toThrow(new RegExp(`^webhook: ${status}$`));
    expect([received.length, clock.waited]).toEqual([3, [500, 1000]]);
  });

  test.each([400, 401, 404, 410, 422])('is not made after a %i', async (status) => {
    const { url, received } = await receiver(answer(status));
    await expect(tell(url)).rejects.toThrow(new RegExp(`^webhook: ${status}$`));
    expect(received).toHaveLength(1);
  });

  test('is made when nobody listens, or the line is cut', async () => {
    const port = await closedPort();
    await expect(tell(`http://127.0.0.1:${port}/T0/SECRET`)).rejects.toThrow(
      new RegExp(`^webhook: 127\\.0\\.0\\.1:${port}: ECONNREFUSED$`),
    );
    const { url, received } = await receiver((_, response) => response.destroy(), answer(200));
    await tell(url);
    expect(received).toHaveLength(2);
  });

  test('is made when a server is silent for longer than a try may take', async () => {
    const { url, received } = await receiver(silence, answer(200));
    await tell(url, { options: { timeout: 500 } });
    expect(received).toHaveLength(2);
  });
});

describe('the deadline', () => {
  test('cuts three tries at a silent server', async () => {
    const { url, received } = await receiver(silence);
    await expect(tell(url, { options: { timeout: 300 } })).rejects.toThrow(
      /^webhook: no answer within 0\.3 s$/,
    );
    expect(received).toHaveLength(3);
  });

  test('cuts a connection at which nobody speaks HTTP', async () => {
    const port = await listen(createServer(() => undefined));
    await expect(tell(`http://127.0.0.1:${port}`, { options: { timeout: 50 } })).rejects.toThrow(
      /^webhook: no answer within 0\.05 s$/,
    );
  });

  test('does not make a failure of a 200 whose text never ends', async () => {
    const { url, received } = await receiver((_, response) => {
      response.writeHead(200).write('{');
    });
    await tell(url, { options: { timeout: 500 } });
    expect(received).toHaveLength(1);
  });

  test('comes early when the build stops', async () => {
    const stop = new AbortController();
    const { url, received } = await receiver(() => stop.abort());
    await expect(tell(url, { signal: stop.signal })).rejects.toThrow(
      /^webhook: stopped before it was delivered$/,
    );
    expect(received).toHaveLength(1);
    await expect(tell(url, { signal: stop.signal })).rejects.toThrow(/^webhook: stopped/);
    expect(received).toHaveLength(1);
  });
});

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])('%i to another place gets nothing', async (status) => {
    const other = await receiver(answer(200));
    const { url, received } = await receiver(answer(status, { location: `${other.url}/steal` }));
    await expect(tell(url, { secret })).rejects.toThrow(
      new RegExp(`^webhook: ${status} is a redirect that is not followed$`),
    );
    expect([received.length, other.received.length]).toEqual([1, 0]);
  });

  test.each([307, 308])('%i on the same origin is followed', async (status) => {
    const { url, received } = await receiver(answer(status, { location: '/moved' }), answer(200));
    await tell(url, { secret });
    expect(received.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /', 'POST /moved']);
    expect(received[1]!.body).toBe(received[0]!.body);
  });

  test('without end is left', async () => {
    const { url, received } = await receiver(answer(307, { location: '/' }));
    await expect(tell(url)).rejects.toThrow(/^webhook: 127\.0\.0\.1:\d+: too many redirects$/);
    expect(received).toHaveLength(4);
  });
});

describe('what a URL may reach', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fe80::1]/',
    'https://169.254.1.1/',
  ])('not %s', async (url) => {
    await expect(tell(url)).rejects.toThrow(/^webhook: \S+ is a link-local or metadata address: refused$/);
  });

  test.each(['file:///etc/passwd', 'gopher://127.0.0.1/', 'unix:/var/run/docker.sock'])(
    'not %s',
    async (url) => {
      await expect(tell(url)).rejects.toThrow(/^webhook: \w+:\/\/ is not accepted, only http:\/\/ and/);
    },
  );

  test('loopback, by name', async () => {
    const { url, received } = await receiver(answer(200));
    await tell(url.replace('127.0.0.1', 'localhost'));
    expect(received).toHaveLength(1);
  });
});
