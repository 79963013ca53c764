import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { checkHost, guardedLookup } from './addresses.js';
import { connectionError, DeliveryError } from './delivery-error.js';

export type Post = { url: string; headers: Readonly<Record<string, string>>; body: string };
export type Access = { signal: AbortSignal; ca?: string };
export type Answer = { status: number; location?: string; retryAfter?: string; text: string };

const MAX_REDIRECTS = 3;
/** Bytes of an answer that are read; more is not needed to say what went wrong. */
const MAX_ANSWER = 16 * 1024;

/**
 * One POST. `detail` finds in an answer's text the word to show when it is none of 2xx; without it the text
 * is not shown. A redirect is followed where it stays on the same origin and keeps the method (GitHub
 * answers 307 for a repository that was renamed); no header and no body ever goes to another origin.
 */
export async function post(
  message: Post,
  access: Access,
  detail: (text: string) => string = () => '',
): Promise<void> {
  let url = parseUrl(message.url);
  for (let redirects = 0; ; redirects++) {
    const answer = await exchange(url, message, access);
    if (answer.status >= 200 && answer.status < 300) return;
    if (answer.status < 300 || answer.status >= 400) throw refusal(answer, detail(answer.text));
    if (redirects === MAX_REDIRECTS) throw new DeliveryError(`${url.host}: too many redirects`);
    url = redirected(url, answer);
  }
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new DeliveryError('the URL in the credentials document is not one');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new DeliveryError(`${url.protocol}// is not accepted, only http:// and https://`);
  return url;
}

function redirected(url: URL, { status, location }: Answer): URL {
  const target =
    location !== undefined && URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
  const keepsMethod = status === 307 || status === 308;
  if (target !== undefined && keepsMethod && target.origin === url.origin) return target;
  throw new DeliveryError(`${status} is a redirect that is not followed`);
}

// GitHub says 403 where others say 429, with the same header (docs.github.com/rest/guides, best practices).
function refusal({ status, retryAfter }: Answer, detail: string): DeliveryError {
  const transient = status === 429 || status >= 500 || (status === 403 && retryAfter !== undefined);
  return new DeliveryError(`${status} ${detail}`.trimEnd(), { transient, retryAfter });
}

async function exchange(url: URL, { headers, body }: Post, { signal, ca }: Access): Promise<Answer> {
  checkHost(url.hostname);
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    // A connection of its own: nobody else's build finds it open.
    const options = {
      method: 'POST',
      agent: false,
      lookup: guardedLookup,
      signal,
      ...(ca && { ca }),
    } as const;
    open(url, { ...options, headers: { ...headers, 'content-length': Buffer.byteLength(body) } })
      .on('response', resolve)
      .on('error', (error) => reject(connectionError(error, url.host)))
      .end(body);
  });
  const { location, 'retry-after': retryAfter } = incoming.headers;
  return {
    status: incoming.statusCode ?? 0,
    ...(location !== undefined && { location }),
    ...(retryAfter !== undefined && { retryAfter }),
    // The verdict is in the status: a text that breaks off changes nothing.
    text: await readText(incoming).catch(() => ''),
  };
}

async function readText(incoming: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_ANSWER) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_ANSWER);
}
