import { Failure } from '../../model/errors.js';

/**
 * Why a push failed. The engine wraps whatever the registry or the network said in one string and gives no code, so these are its
 * texts: error codes of the distribution specification in lower case with a colon (`unauthorized: …`, docker/distribution,
 * registry/api/errcode), its client's own words for an answer without a body, and Go's network errors.
 */
const DENIED =
  /(?:^|: )(?:denied|unauthorized)(?:: |$)|no basic auth credentials|authentication required|unexpected HTTP status:? (?:401|403)\b/;
const STATUS = /unexpected HTTP status:? (\d{3})\b/;
const TRANSIENT =
  /(?:^|: )(?:toomanyrequests|unavailable)(?:: |$)|\b(?:dial|read|write) (?:tcp|udp)\b|\bEOF\b|timeout|connection reset|broken pipe/;

/**
 * A manifest whose blobs the registry has just confirmed: under several tags at once, docker-registry with a file system forgets one for an
 * instant (`errors: digest invalid, manifest blob unknown`, measured with 2.8).
 */
const FORGOTTEN = /\bmanifest blob unknown\b/;

/** `pause`: milliseconds that the registry asks to wait. */
export function pushFailure(reference: string, message: string, pause = 0): Failure {
  if (DENIED.test(message))
    return new Failure('PUSH_DENIED', `the registry refuses ${reference}: ${message}`);
  const transient = isTransient(message) || FORGOTTEN.test(message);
  const asked = pause > 0 && { retryAfter: pause };
  return new Failure('PUSH_FAILED', `pushing ${reference} failed: ${message}`, { transient, ...asked });
}

/** Whether it was the network or a registry in trouble, so that another try may succeed. */
export function isTransient(message: string): boolean {
  const status = Number(STATUS.exec(message)?.[1] ?? 0);
  if (DENIED.test(message)) return false;
  return status >= 500 || status === 429 || status === 408 || TRANSIENT.test(message);
}
