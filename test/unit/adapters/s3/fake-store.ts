import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = { status: number; body?: string; headers?: Record<string, string> };
export type StoreRequest = { method: string; url: URL; headers: IncomingMessage['headers']; body: Buffer };

export const errorBody = (code: string, more = '') => `<Error><Code>${code}</Code>${more}</Error>`;

/**
 * An S3 server for what a real one does not do on demand. `answer` says what it does with a request that has arrived in full;
 * undefined: what S3 does when all is well.
 */
export async function fakeStore(
  answer: (request: StoreRequest) => Answer | undefined | Promise<Answer | undefined>,
) {
  const requests: StoreRequest[] = [];
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', headers, url = '' } = request;
    const seen = { method, headers, url: new URL(url, 'http://store'), body: Buffer.concat(chunks) };
    requests.push(seen);
    const { status, body = '', headers: more = {} } = (await answer(seen)) ?? accept(seen);
    response.writeHead(status, { etag: '"tag"', ...more }).end(body);
  }
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    requests,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function accept({ method, url }: StoreRequest): Answer {
  if (method === 'DELETE') return { status: 204 };
  if (method === 'POST' && url.searchParams.has('uploads')) {
    return {
      status: 200,
      body: '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
    };
  }
  if (method === 'POST') {
    return {
      status: 200,
      body: '<CompleteMultipartUploadResult><ETag>tag</ETag></CompleteMultipartUploadResult>',
    };
  }
  return { status: 200 };
}
