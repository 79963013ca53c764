import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { webhookBody } from '../../../../src/adapters/notify/webhook-body.js';
import { webhookHeaders } from '../../../../src/adapters/notify/webhook.js';
import { failure, pending, success } from '../../../fakes/notification.js';

describe('the keys of docker-image-factory', () => {
  const { owner, ref, commit } = { owner: 'team', ref: 'main', commit: success.revision.id };

  test('stand beside ours', () => {
    expect(webhookBody(success)).toMatchObject({
      version: 1,
      state: 'success',
      git: { owner, repo: 'app', ref, commit },
      type: 'builder',
      name: 'image-factory',
      status: 'success',
      result: { image: 'registry.example.com:5000/team/app:1.2' },
    });
  });

  test('say failed where we say failure, and have no image then', () => {
    expect(webhookBody(failure)).toMatchObject({ state: 'failure', status: 'failed', result: {} });
    expect(webhookBody(pending)).toMatchObject({ state: 'pending', status: 'pending' });
  });

  test('give the commit as the ref where no branch was asked for', () => {
    const { ref: _, refKind: __, ...revision } = success.revision;
    const body = webhookBody({ ...success, revision });
    expect(body.git).toEqual({ owner, repo: 'app', ref: commit, commit });
    expect(body.revision).not.toHaveProperty('ref');
  });

  test.each([
    ['https://gitlab.com/group/team/app.git', 'group/team'],
    ['ssh://git@[::1]:22/team/app', 'team'],
    ['git@[::1]:team/app', 'team'],
    ['file:///srv/app.git', 'srv'],
    ['hg+https://example.com/team/app', 'team'],
    ['git@host:app', ''],
  ])('%s belongs to %s', (repo, owner) => {
    expect(webhookBody({ ...success, repo }).git).toMatchObject({ owner, repo: 'app' });
  });
});

describe('signatures', () => {
  // The worked example of the Standard Webhooks reference libraries.
  const example = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1614265330,
    body: '{"test": 2432232314}',
  };

  test('equal those of the Standard Webhooks libraries', () => {
    const headers = webhookHeaders(example, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    expect(headers).toMatchObject({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('equal the one in GitHub’s documentation, and SHA-1 for docker-image-factory', () => {
    const body = 'Hello, World!';
    expect(webhookHeaders({ ...example, body }, "It's a Secret to Everybody")).toMatchObject({
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
      'x-hook-signature': createHmac('sha1', "It's a Secret to Everybody").update(body).digest('hex'),
    });
  });

  test.each([undefined, ''])('without a secret (%j) there are none', (secret) => {
    expect(Object.keys(webhookHeaders(example, secret))).toEqual([
      'content-type',
      'user-agent',
      'webhook-id',
      'webhook-timestamp',
    ]);
  });

  test.each(['whsec_', 'whsec_not base64', 'whsec_abc'])('%s is no key', (secret) => {
    expect(() => webhookHeaders(example, secret)).toThrow(
      /^notify\.webhook\.secret begins with whsec_, but no base64 follows$/,
    );
  });
});
