/** Why a notification did not arrive, in one line and without secrets. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /** Another try may succeed: the network, a 5xx, a 429. */
  readonly transient: boolean;
  /** The header Retry-After as it came. */
  readonly retryAfter: string | undefined;

  constructor(message: string, details: { transient?: boolean; retryAfter?: string | undefined } = {}) {
    super(message);
    this.transient = details.transient ?? false;
    this.retryAfter = details.retryAfter;
  }
}

// Errno of the connection, as Node has them. A name that does not exist and a certificate that does not
// hold are no accidents of the moment: they are left out.
const PASSING = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

/** What a socket says, told of `host`: a system's own message may hold more of a URL than may be shown. */
export function connectionError(error: NodeJS.ErrnoException, host: string): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const code = error.code ?? 'the connection failed';
  return new DeliveryError(`${host}: ${code}`, { transient: PASSING.has(code) });
}
