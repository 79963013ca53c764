import { expect, test } from 'vitest';
import { storeFailure } from '../../../../src/adapters/s3/failure.js';

const where = { bucket: 'b', region: 'us-east-1', endpoint: 'https://me:hush@store.example:9000/' };

function answered(name: string, httpStatusCode: number, more: object = {}) {
  return Object.assign(new Error('<secret>'), { name, $metadata: { httpStatusCode }, ...more });
}

const lost = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

test.each([
  [
    answered('InvalidAccessKeyId', 403),
    'the store at store.example:9000 does not know the access key',
    false,
  ],
  [
    answered('AccessDenied', 403),
    "the store at store.example:9000 does not let this access key write to bucket 'b'",
    false,
  ],
  [answered('ExpiredToken', 400), 'the store at store.example:9000: the session token has expired', false],
  [answered('NoSuchBucket', 404), "the store at store.example:9000 has no bucket 'b'", false],
  [answered('PermanentRedirect', 301), "bucket 'b' is in another region, not in 'us-east-1'", false],
  [
    answered('AuthorizationHeaderMalformed', 400, { Region: 'eu-west-1' }),
    "bucket 'b' is in region 'eu-west-1', not in 'us-east-1'",
    false,
  ],
  [
    answered('SlowDown', 503),
    'the store at store.example:9000 does not keep up or is out of order (SlowDown, HTTP 503)',
    true,
  ],
  [
    answered('QuotaExceeded', 403),
    "the store at store.example:9000 refuses the upload to 'b' (QuotaExceeded, HTTP 403)",
    false,
  ],
  [lost('ECONNREFUSED'), 'the store at store.example:9000 cannot be reached (ECONNREFUSED)', true],
  [lost('ENOTFOUND'), 'the store at store.example:9000 cannot be reached (ENOTFOUND)', false],
  [
    Object.assign(new Error('idle'), { name: 'TimeoutError' }),
    'the store at store.example:9000 does not answer (limits: 10 s for a connection, 60 s of silence)',
    true,
  ],
  [
    lost('CERT_HAS_EXPIRED'),
    'the connection to the store at store.example:9000 failed (CERT_HAS_EXPIRED)',
    false,
  ],
])('%s', (error, message, transient) => {
  const failure = storeFailure(error, where);
  expect(failure).toMatchObject({ code: 'PUBLISH_FAILED', exitCode: 4, message, transient });
  expect(failure.line).not.toMatch(/hush|<secret>/);
});

test('without an endpoint it is Amazon', () => {
  const failure = storeFailure(answered('NoSuchBucket', 404), { ...where, endpoint: undefined });
  expect(failure.message).toBe("Amazon S3 (us-east-1) has no bucket 'b'");
});
