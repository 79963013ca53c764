import { expect, test } from 'vitest';
import { pushFailure } from '../../../../src/adapters/docker/push-failure.js';

test.each([
  'denied: requested access to the resource is denied',
  'errors: denied: requested access to the resource is denied',
  'unauthorized: authentication required',
  'no basic auth credentials',
  'received unexpected HTTP status: 403 Forbidden',
])('%s is a refusal', (message) => {
  expect(pushFailure('r/a:1', message)).toMatchObject({ code: 'PUSH_DENIED', transient: false, exitCode: 4 });
});

test.each([
  ['received unexpected HTTP status: 503 Service Unavailable', true],
  ['toomanyrequests: too many requests', true],
  ['Get "https://r/v2/": dial tcp 127.0.0.1:9: connect: connection refused', true],
  ['write tcp 10.0.0.1:1->10.0.0.2:443: write: broken pipe', true],
  ['net/http: TLS handshake timeout', true],
  ['unexpected EOF', true],
  ['errors:\ndigest invalid\nmanifest blob unknown: blob unknown to registry\n', true],
  ['manifest invalid: manifest invalid', false],
  ['name unknown: repository name not known to registry', false],
  ['Get "https://r/v2/": x509: certificate signed by unknown authority', false],
])('%s: worth another try: %s', (message, transient) => {
  expect(pushFailure('r/a:1', message)).toMatchObject({ code: 'PUSH_FAILED', transient });
});
