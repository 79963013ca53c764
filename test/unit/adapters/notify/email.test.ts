import { describe, expect, test } from 'vitest';
import { committerAddress, emailMessage } from '../../../../src/adapters/notify/email-message.js';
import { parseSmtpUrl } from '../../../../src/adapters/notify/smtp-url.js';
import { failure, success } from '../../../fakes/notification.js';

const from = 'Buildbot <builds@example.com>';

describe('the mail', () => {
  test('about a success', () => {
    expect(emailMessage(success, { from, to: ['committer', 'team@example.com'] })).toEqual({
      from,
      to: ['ada@example.com', 'team@example.com'],
      subject: '[app] built 1.2, latest (1f0c5b9)',
      text: `built and pushed 2 images in 31 s

registry.example.com:5000/team/app:1.2@sha256:${'ab'.repeat(32)}
registry.example.com:5000/team/app:latest@sha256:${'ab'.repeat(32)}

Repository: git@github.com:team/app.git
Revision:   1f0c5b9d3a7e4c2b8d6f0e1a2b3c4d5e6f708192 (main)
Author:     Ada Lovelace <ada@example.com>
Message:    Count & compare <T>
Build:      b-20260102-1

https://buildbot.example.com/builds/b-20260102-1
`,
    });
  });

  test('about a failure has the reason in the subject, in one line', () => {
    const summary = 'test: failed\r\nBcc: everybody@example.com';
    const { subject } = emailMessage({ ...failure, summary }, { from, to: ['committer'] });
    expect(subject).toBe('[app] failed (1f0c5b9): test: failed Bcc: everybody@example.com');
  });

  test('goes to an address once', () => {
    expect(emailMessage(success, { from, to: ['ada@example.com', 'committer'] }).to).toEqual([
      'ada@example.com',
    ]);
  });
});

describe('the committer', () => {
  test.each([
    ['Ada <ada@example.com>', 'ada@example.com'],
    ['Ada <ada.l+git@mail.example.com>', 'ada.l+git@mail.example.com'],
    ['Ada <ada@example.com> <eve@example.org>', undefined],
    ['Ada', undefined],
    ['Ada <>', undefined],
    ['Ada <ada>', undefined],
    ['Ada <a@example.com,b@example.com>', undefined],
    ['Ada <a@example.com b@example.com>', undefined],
    ['Ada <a@example.com\r\nRCPT TO:<b@example.com>', undefined],
    ['Ada <"a b"@example.com>', undefined],
    ['Ada <1234+ada@users.noreply.github.com>', undefined],
  ])('%j: %s', (author, address) => {
    expect(committerAddress(author)).toBe(address);
  });

  test('without an address is told, unless somebody else is left to write to', () => {
    const nobody = { ...success, revision: { ...success.revision, author: 'Ada' } };
    expect(() => emailMessage(nobody, { from, to: ['committer'] })).toThrow(
      "the revision's author has no address to write to",
    );
    expect(emailMessage(nobody, { from, to: ['committer', 'a@b.example'] }).to).toEqual(['a@b.example']);
  });

  test.each([
    [{ from: 'nobody', to: ['a@b.example'] }, 'notify.email.from is not an address'],
    [{ from, to: ['a@b.example, c@d.example'] }, "'a@b.example, c@d.example' in notify.email.to is not an"],
    [{ from, to: [] }, 'notify.email.to is empty'],
  ])('%o is refused', (addresses, message) => {
    expect(() => emailMessage(success, addresses)).toThrow(message);
  });
});

describe('the SMTP URL', () => {
  const plain = { secure: false, requireTLS: false, ignoreTLS: false };

  test.each([
    ['smtp://mail.example.com', { ...plain, host: 'mail.example.com', port: 587, requireTLS: true }],
    ['smtp://mail.example.com:25?requireTLS=false', { ...plain, host: 'mail.example.com', port: 25 }],
    ['smtps://mail.example.com', { ...plain, host: 'mail.example.com', port: 465, secure: true }],
    ['smtp://localhost:25', { ...plain, host: 'localhost', port: 25, ignoreTLS: true }],
    ['smtp://127.0.0.1:25', { ...plain, host: '127.0.0.1', port: 25, ignoreTLS: true }],
    ['smtp://[::1]:25?requireTLS=true', { ...plain, host: '::1', port: 25, requireTLS: true }],
    [
      'smtp://127.0.0.1.evil.example',
      { ...plain, host: '127.0.0.1.evil.example', port: 587, requireTLS: true },
    ],
    ['smtp://10.0.0.9', { ...plain, host: '10.0.0.9', port: 587, requireTLS: true }],
  ])('%s', (url, server) => {
    expect(parseSmtpUrl(url)).toEqual(server);
  });

  test('the login is percent-encoded', () => {
    const { auth } = parseSmtpUrl('smtps://ada%40example.com:p%2Fw%3A%25@mail.example.com');
    expect(auth).toEqual({ user: 'ada@example.com', pass: 'p/w:%' });
  });

  test.each([
    ['https://mail.example.com', 'is not a smtp:// or smtps:// URL'],
    ['mail.example.com', 'is not a smtp:// or smtps:// URL'],
    ['smtp://u:p%@mail.example.com', 'has a % in the login'],
    ['smtp://u:hunter2@h?requireTLS=maybe', 'has requireTLS neither true nor false'],
    // Options of nodemailer itself, which its own parser of such URLs accepts.
    ['smtp://u:hunter2@h?tls.rejectUnauthorized=false', 'has an option that is not accepted'],
    ['smtp://u:hunter2@h?proxy=http://169.254.169.254', 'has an option that is not accepted'],
  ])('%s is refused without showing it', (url, message) => {
    expect(() => parseSmtpUrl(url)).toThrow(`notify.email.smtp ${message}`);
    expect(() => parseSmtpUrl(url)).not.toThrow(/hunter2/);
  });
});
