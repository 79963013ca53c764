import { Failure, type FailureDetails } from '../../model/errors.js';
import { CONNECT, IDLE } from './client.js';

export type Where = { bucket: string; region: string; endpoint: string | undefined };

/** What the SDK throws, as far as it helps: the error code of the answer, or of the socket. */
type SdkError = {
  name?: string;
  code?: string;
  /** AuthorizationHeaderMalformed: the bucket's own region. */
  Region?: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
};

const UNREACHABLE = new Set(['ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH']);
const LOST = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN']);
const OTHER_REGION = new Set([
  'PermanentRedirect',
  'TemporaryRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

const CHECK_KEYS = 'check s3 in the credentials document';

/** By the code of the answer (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) → sentence and advice. */
const REFUSALS: Record<string, (where: Where) => [message: string, hint: string]> = {
  InvalidAccessKeyId: (where) => [`${store(where)} does not know the access key`, CHECK_KEYS],
  SignatureDoesNotMatch: (where) => [
    `${store(where)} refuses the signature: the secret key does not belong to the access key`,
    CHECK_KEYS,
  ],
  AccessDenied: (where) => [
    `${store(where)} does not let this access key write to bucket '${where.bucket}'`,
    "allow it s3:PutObject and s3:AbortMultipartUpload, or give another's keys",
  ],
  ExpiredToken: (where) => [`${store(where)}: the session token has expired`, 'give a fresh one'],
  InvalidToken: (where) => [`${store(where)} refuses the session token`, CHECK_KEYS],
  RequestTimeTooSkewed: (where) => [
    `${store(where)} refuses the signature: its clock and the runner's differ by more than 15 minutes`,
    'set the clock of the runner',
  ],
  NoSuchBucket: (where) => [
    `${store(where)} has no bucket '${where.bucket}'`,
    'check its name, or make it first',
  ],
  InvalidBucketName: (where) => [`'${where.bucket}' is not a name for a bucket`, 'check the target'],
};

/** Why the store did not take a file, in one line without anything of the request. Classified by code and status alone. */
export function storeFailure(error: unknown, where: Where): Failure {
  const thrown = (error ?? {}) as SdkError;
  const { name = 'Error', code = '', $metadata } = thrown;
  const status = $metadata?.httpStatusCode;
  if (OTHER_REGION.has(name) || status === 301) return otherRegion(thrown, where);
  const [message, hint] = REFUSALS[name]?.(where) ?? [];
  if (message !== undefined && hint !== undefined) return failed(message, { hint, cause: error });
  if (status === undefined) return notReached(error, code || name, where);
  if (status >= 500 || status === 429 || status === 408) {
    const why = `${store(where)} does not keep up or is out of order (${name}, HTTP ${status})`;
    return failed(why, { transient: true, cause: error });
  }
  const hint401 = status === 401 || status === 403 ? CHECK_KEYS : 'check s3.endpoint and the target';
  return failed(`${store(where)} refuses the upload to '${where.bucket}' (${name}, HTTP ${status})`, {
    hint: hint401,
    cause: error,
  });
}

function otherRegion({ Region, $response }: SdkError, where: Where): Failure {
  const own = Region ?? $response?.headers?.['x-amz-bucket-region'];
  const there = own === undefined ? 'in another region' : `in region '${own}'`;
  return failed(`bucket '${where.bucket}' is ${there}, not in '${where.region}'`, {
    hint: 'set s3.region in the credentials document',
  });
}

function notReached(error: unknown, code: string, where: Where): Failure {
  if (code === 'TimeoutError') {
    const limits = `${CONNECT / 1000} s for a connection, ${IDLE / 1000} s of silence`;
    return failed(`${store(where)} does not answer (limits: ${limits})`, {
      hint: 'check s3.endpoint and that the runner can reach it',
      transient: true,
      cause: error,
    });
  }
  if (UNREACHABLE.has(code) || LOST.has(code)) {
    return failed(`${store(where)} cannot be reached (${code})`, {
      hint: 'check s3.endpoint and that the runner can reach it',
      transient: !UNREACHABLE.has(code),
      cause: error,
    });
  }
  return failed(`the connection to ${store(where)} failed (${code})`, {
    hint: 'check s3.endpoint in the credentials document',
    cause: error,
  });
}

function failed(message: string, details: FailureDetails): Failure {
  return new Failure('PUBLISH_FAILED', message, details);
}

/** Host and port alone: a URL may hold a password. */
function store({ endpoint, region }: Where): string {
  return endpoint === undefined ? `Amazon S3 (${region})` : `the store at ${new URL(endpoint).host}`;
}
