import { randomUUID } from 'node:crypto';
import { connect as connectSocket, type Socket } from 'node:net';
import type { NodemailerError } from 'nodemailer';
import type { NotifyCredentials } from '../../model/credentials.js';
import { checkHost, guardedLookup } from './addresses.js';
import { connectionError, DeliveryError } from './delivery-error.js';
import { deliver, type Delivery, type Tell } from './delivery.js';
import { emailMessage, type EmailMessage } from './email-message.js';
import { oneLine } from './line.js';
import { parseSmtpUrl, type SmtpServer } from './smtp-url.js';

type Mail = EmailMessage & { messageId: string; date: Date };

/** A mail over the SMTP server of the credentials. */
export const tellEmail: Tell<NonNullable<NotifyCredentials['email']>> = async (
  notification,
  credential,
  delivery,
) => {
  const server = parseSmtpUrl(credential.smtp.reveal());
  const message = emailMessage(notification, credential);
  const domain = /@([^@>\s]+)>?\s*$/.exec(message.from)?.[1] ?? server.host;
  // The same over all tries: a mail that arrives twice is shown once.
  const mail = { ...message, messageId: `<${randomUUID()}@${domain}>`, date: delivery.clock.now() };
  await deliver((signal) => send(mail, server, { ...delivery, signal }), delivery);
};

async function send(mail: Mail, server: SmtpServer, { signal, ca }: Delivery): Promise<void> {
  // With the first mail: most runners send none.
  const { createTransport } = await import('nodemailer');
  const connection = await connect(server, signal);
  const tls = ca === undefined ? {} : { tls: { ca } };
  const access = { disableFileAccess: true, disableUrlAccess: true };
  const transport = createTransport({ ...server, ...tls, ...access, connection });
  const headers = { 'Auto-Submitted': 'auto-generated' };
  try {
    const { rejected, rejectedErrors } = await transport.sendMail({
      ...mail,
      to: [...mail.to],
      headers,
      signal,
    });
    if (rejected.length === 0) return;
    const answer = answerOf(rejectedErrors?.[0]);
    throw new DeliveryError(`refused for ${rejected.length} of ${mail.to.length} addresses: ${answer}`);
  } catch (error) {
    // Until nodemailer has taken it over, nobody else closes it.
    connection.destroy();
    throw smtpError(error as NodemailerError, server.host);
  }
}

// nodemailer looks names up by itself; the connection is ours so that it goes nowhere it must not.
async function connect({ host, port }: SmtpServer, signal: AbortSignal): Promise<Socket> {
  checkHost(host);
  return await new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port, lookup: guardedLookup, signal });
    socket.once('error', (error) => reject(connectionError(error, host)));
    socket.once('connect', () => resolve(socket));
  });
}

function smtpError(error: NodemailerError, host: string): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const { code = '', originalCode, responseCode } = error;
  // RFC 5321, 4.2.1: 4yz may pass.
  const transient = responseCode !== undefined && responseCode >= 400 && responseCode < 500;
  if (code === 'ETLS') return new DeliveryError(`${host}: no TLS, so nothing was sent`, { transient });
  if (responseCode !== undefined) return new DeliveryError(answerOf(error), { transient });
  if (code === 'ECONNECTION') return new DeliveryError(`${host}: the server hung up`, { transient: true });
  return connectionError(Object.assign(new Error(code), { code: originalCode ?? code }), host);
}

// A server's own words are shown for the mail, where they say what to change, and not for the login.
function answerOf(error: NodemailerError | undefined): string {
  const { code, responseCode = 0, response = '' } = error ?? {};
  const [, status = '', text = ''] = /^\d{3}[ -](?:(\d\.\d{1,3}\.\d{1,3})\s*)?(.*)/s.exec(response) ?? [];
  const said = code === 'EAUTH' ? 'the login was refused' : oneLine(text, 120);
  return [responseCode, status, said].filter(Boolean).join(' ');
}
