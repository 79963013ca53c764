import { isIP } from 'node:net';
import { DeliveryError } from './delivery-error.js';

/** Where and how mail is handed in; the keys are those of nodemailer's transport. */
export type SmtpServer = {
  host: string;
  port: number;
  /** TLS from the first byte. */
  secure: boolean;
  /** STARTTLS or nothing. */
  requireTLS: boolean;
  /** No STARTTLS even where it is offered: a relay on loopback rarely has a certificate for that name. */
  ignoreTLS: boolean;
  auth?: { user: string; pass: string };
};

/**
 * `smtp[s]://[user:password@]host[:port][?requireTLS=true|false]`. Ports are 587 and 465 where none is given.
 * Over smtp:// TLS is required, unless the host is loopback or the URL says otherwise. Never hand the URL
 * itself to nodemailer: there its query sets any option, among them which certificates to accept.
 */
export function parseSmtpUrl(text: string): SmtpServer {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '')
    throw wrong('is not a smtp:// or smtps:// URL');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'smtps:';
  const asked = requireTlsOf(url);
  const requireTLS = !secure && (asked ?? !isLoopback(host));
  const port = url.port === '' ? (secure ? 465 : 587) : Number(url.port);
  const ignoreTLS = !secure && !requireTLS && isLoopback(host);
  const auth =
    url.username === '' ? {} : { auth: { user: decode(url.username), pass: decode(url.password) } };
  return { host, port, secure, requireTLS, ignoreTLS, ...auth };
}

function requireTlsOf({ searchParams }: URL): boolean | undefined {
  for (const [name, value] of searchParams) {
    if (name !== 'requireTLS') throw wrong(`has an option that is not accepted, only requireTLS is`);
    if (value !== 'true' && value !== 'false') throw wrong('has requireTLS neither true nor false');
  }
  const value = searchParams.get('requireTLS');
  return value === null ? undefined : value === 'true';
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrong('has a % in the login that is not followed by two digits; write it as %25');
  }
}

function wrong(why: string): DeliveryError {
  return new DeliveryError(`notify.email.smtp ${why}`);
}
