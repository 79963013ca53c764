import { createServer } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { beforeAll, describe, expect, test } from 'vitest';
import { createNotifier, type NotifierOptions } from '../../../src/adapters/notify/notifier.js';
import { Secret } from '../../../src/model/secret.js';
import type { Notification } from '../../../src/ports.js';
import { failure, pending, success } from '../../fakes/notification.js';
import { fakeClock } from '../../fakes/ports.js';
import { closedPort, listen, selfSigned, type Identity } from './servers.js';

let identity: Identity;
beforeAll(async () => {
  identity = await selfSigned();
});

type Mail = { from: string; to: string[]; text: string; secure: boolean; user: unknown };
type Mailbox = { port: number; mails: Mail[]; logins: number };
type Hooks = Pick<
  SMTPServerOptions,
  'onConnect' | 'onRcptTo' | 'hideSTARTTLS' | 'secure' | 'disabledCommands'
>;

/** A server that takes mail over TLS from ada@example.com with the password `p@ss/w`. */
async function mailServer(hooks: Hooks = {}): Promise<Mailbox> {
  const mails: Mail[] = [];
  const mailbox: Mailbox = { port: 0, mails, logins: 0 };
  const server = new SMTPServer({
    ...identity,
    logger: false,
    onAuth({ username, password }, _, callback) {
      mailbox.logins++;
      if (username === 'ada@example.com' && password === 'p@ss/w') return callback(null, { user: username });
      callback(Object.assign(new Error('5.7.8 bad login ada p@ss/w'), { responseCode: 535 }));
    },
    onData(stream, { envelope, secure, user }, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const to = envelope.rcptTo.map(({ address }) => address);
        mails.push({ from, to, text: Buffer.concat(chunks).toString(), secure, user });
        callback();
      });
    },
    ...hooks,
  });
  server.on('error', () => undefined);
  mailbox.port = await listen(server.server);
  return mailbox;
}

type Told = {
  notification?: Notification;
  to?: string[];
  options?: Partial<NotifierOptions>;
  signal?: AbortSignal;
};

function tell(smtp: string, { notification = success, to = ['committer'], options, signal }: Told = {}) {
  const email = { from: 'Buildbot <builds@example.com>', to, smtp: new Secret(smtp) };
  const notifier = createNotifier({ clock: fakeClock(), ca: identity.cert, ...options });
  const access = { credentials: { email }, signal: signal ?? new AbortController().signal };
  return notifier.notify('email', notification, access);
}

const url = (port: number, { scheme = 'smtp', password = 'p%40ss%2Fw', query = '?requireTLS=true' } = {}) =>
  `${scheme}://ada%40example.com:${password}@127.0.0.1:${port}${query}`;

describe('a mail', () => {
  test('goes over STARTTLS, after a login, to the committer', async () => {
    const { port, mails } = await mailServer();
    await tell(url(port));
    expect(mails).toEqual([
      {
        from: 'builds@example.com',
        to: ['ada@example.com'],
        secure: true,
        user: 'ada@example.com',
        text: expect.stringContaining('Subject: [app] built 1.2, latest (1f0c5b9)\r\n') as string,
      },
    ]);
    expect(mails[0]!.text).toMatch(/^From: Buildbot <builds@example\.com>\r$/m);
    expect(mails[0]!.text).toMatch(/^To: ada@example\.com\r$/m);
    expect(mails[0]!.text).toMatch(/^Message-ID: <[0-9a-f-]{36}@example\.com>\r$/im);
    expect(mails[0]!.text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
  });

  test('goes over TLS from the first byte', async () => {
    const { port, mails } = await mailServer({ secure: true });
    await tell(url(port, { scheme: 'smtps', query: '' }), { notification: failure });
    expect(mails[0]).toMatchObject({ secure: true, user: 'ada@example.com' });
    expect(mails[0]!.text).toMatch(/^Subject: \[app\] failed \(1f0c5b9\): test: npm test exited with 1\r$/m);
  });

  test('goes in the clear to a relay on loopback, its certificate unasked', async () => {
    const { port, mails } = await mailServer({ disabledCommands: ['AUTH'] });
    await tell(`smtp://127.0.0.1:${port}`);
    expect(mails[0]).toMatchObject({ secure: false });
  });

  test('about a beginning is not sent', async () => {
    const { port, mails } = await mailServer();
    await tell(url(port), { notification: pending });
    expect(mails).toEqual([]);
  });

  test('has no headers and recipients that a commit made up', async () => {
    const { port, mails } = await mailServer();
    const evil = 'x\r\nBcc: eve@example.org\r\n\r\nA body\r\n.\r\nMAIL FROM:<eve@example.org>';
    const revision = { ...success.revision, author: `${evil} <ada@example.com>`, message: evil, ref: evil };
    const notification = { ...failure, project: evil, summary: evil, revision };
    await tell(url(port), { notification, to: ['team@example.com'] });
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatchObject({ from: 'builds@example.com', to: ['team@example.com'] });
    const [head = ''] = mails[0]!.text.split('\r\n\r\n');
    expect(head).not.toMatch(/^Bcc:/im);
    expect(head.match(/^[A-Za-z-]+(?=:)/gm)?.sort()).toEqual(
      [
        'From',
        'To',
        'Subject',
        'Message-ID',
        'Date',
        'MIME-Version',
        'Content-Type',
        'Content-Transfer-Encoding',
        'Auto-Submitted',
      ].sort(),
    );
  });
});

describe('a refusal', () => {
  test('of the login is final, and shows neither password nor what the server says of it', async () => {
    const mailbox = await mailServer();
    await expect(tell(url(mailbox.port, { password: 'wrong' }))).rejects.toThrow(
      /^email: 535 5\.7\.8 the login was refused$/,
    );
    expect([mailbox.logins, mailbox.mails]).toEqual([1, []]);
  });

  test('of a recipient is told', async () => {
    const { port, mails } = await mailServer({
      onRcptTo({ address }, _, callback) {
        const error = Object.assign(new Error('5.1.1 No such user here'), { responseCode: 550 });
        callback(address === 'gone@example.com' ? error : null);
      },
    });
    await expect(tell(url(port), { to: ['gone@example.com'] })).rejects.toThrow(
      /^email: 550 5\.1\.1 No such user here$/,
    );
    expect(mails).toEqual([]);
    await expect(tell(url(port), { to: ['committer', 'gone@example.com'] })).rejects.toThrow(
      /^email: refused for 1 of 2 addresses: 550 5\.1\.1 No such user here$/,
    );
    expect(mails.map(({ to }) => to)).toEqual([['ada@example.com']]);
  });

  test('that may pass is tried again', async () => {
    const clock = fakeClock();
    let refused = 0;
    const { port, mails } = await mailServer({
      onRcptTo(_, __, callback) {
        if (refused++ > 0) return callback();
        callback(Object.assign(new Error('4.3.2 Try later'), { responseCode: 451 }));
      },
    });
    await tell(url(port), { options: { clock } });
    expect([mails.length, clock.waited]).toEqual([1, [500]]);
  });

  test('that does not pass ends after three', async () => {
    let connections = 0;
    const { port } = await mailServer({
      onConnect(_, callback) {
        connections++;
        callback(Object.assign(new Error('Too busy'), { responseCode: 421 }));
      },
    });
    await expect(tell(url(port))).rejects.toThrow(/^email: 421 Too busy$/);
    expect(connections).toBe(3);
  });
});

describe('the connection', () => {
  test('without STARTTLS gets no password where TLS is required', async () => {
    const mailbox = await mailServer({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'] });
    await expect(tell(url(mailbox.port))).rejects.toThrow(
      /^email: 127\.0\.0\.1: no TLS, so nothing was sent$/,
    );
    expect([mailbox.logins, mailbox.mails]).toEqual([0, []]);
  });

  test('with a certificate that does not hold gets no password', async () => {
    const mailbox = await mailServer();
    const { cert: ca } = await selfSigned();
    await expect(tell(url(mailbox.port), { options: { ca } })).rejects.toThrow(
      /^email: 127\.0\.0\.1: DEPTH_ZERO_SELF_SIGNED_CERT$/,
    );
    expect([mailbox.logins, mailbox.mails]).toEqual([0, []]);
  });

  test('to nobody is tried three times', async () => {
    const clock = fakeClock();
    await expect(tell(url(await closedPort()), { options: { clock } })).rejects.toThrow(
      /^email: 127\.0\.0\.1: ECONNREFUSED$/,
    );
    expect(clock.waited).toEqual([500, 1000]);
  });

  test('to a server that hangs up is tried three times', async () => {
    let connections = 0;
    const port = await listen(
      createServer((socket) => {
        connections++;
        socket.end();
      }),
    );
    await expect(tell(url(port))).rejects.toThrow(/^email: 127\.0\.0\.1: the server hung up$/);
    expect(connections).toBe(3);
  });

  test('to a silent server is cut, and closed', async () => {
    const closed: Promise<void>[] = [];
    const port = await listen(
      createServer((socket) => {
        socket.resume();
        closed.push(
          new Promise((resolve) => socket.on('error', () => undefined).once('close', () => resolve())),
        );
      }),
    );
    await expect(tell(url(port), { options: { timeout: 300 } })).rejects.toThrow(
      /^email: no answer within 0\.3 s$/,
    );
    expect(closed).toHaveLength(3);
    await Promise.all(closed);
  });

  test('is cut when the build stops', async () => {
    const stop = new AbortController();
    const port = await listen(createServer(() => stop.abort()));
    await expect(tell(url(port), { signal: stop.signal })).rejects.toThrow(
      /^email: stopped before it was delivered$/,
    );
  });

  test.each(['smtp://169.254.169.254:80', 'smtp://2852039166:80', 'smtps://[fe80::1]'])(
    'to %s is refused',
    async (smtp) => {
      await expect(tell(smtp)).rejects.toThrow(/^email: \S+ is a link-local or metadata address: refused$/);
    },
  );
});
