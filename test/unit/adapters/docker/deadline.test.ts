import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { expect, it, vi } from 'vitest';
import { connect, requestJson } from '../../../../src/adapters/docker/connection.js';
import { withPatience } from '../../../../src/adapters/docker/deadline.js';

const LIVENESS = { silence: 20, answer: 20 };

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = connect({ host: '127.0.0.1', port, protocol: 'http' });
  return {
    connection,
    remove: (signal: AbortSignal) =>
      requestJson<void>(connection, { method: 'DELETE', path: '/containers/a', signal, patient: true }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

it('waits for a removal that outlasts many questions, as long as the engine answers them', async () => {
  let questions = 0;
  let finish = () => {};
  await using engine = await serve((request, response) => {
    if (request.method === 'DELETE') finish = () => response.writeHead(204).end();
    else response.end('OK', () => ++questions === 5 && finish());
  });
  await withPatience(engine.connection, engine.remove, { liveness: { ...LIVENESS, answer: 30_000 } });
  expect(questions).toBe(5);
});

it('leaves an engine alone that answers nothing else either', async () => {
  await using engine = await serve(() => undefined);
  await expect(withPatience(engine.connection, engine.remove, { liveness: LIVENESS })).rejects.toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: expect.stringMatching(
      /^the engine at 127\.0\.0\.1:\d+ did not answer within 0\.04 s$/,
    ) as string,
  });
});

it('does not wait long once the build is cancelled', async () => {
  await using engine = await serve((request, response) => {
    if (request.method !== 'DELETE') response.end('OK');
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const cancel = new AbortController();
    const removal = withPatience(engine.connection, engine.remove, { signal: cancel.signal });
    const rejected = expect(removal).rejects.toThrow('did not answer within 10 s');
    cancel.abort();
    vi.advanceTimersByTime(10_000);
    await rejected;
  } finally {
    vi.useRealTimers();
  }
});

it('gives up on a removal that takes too long', async () => {
  await using engine = await serve((request, response) => {
    if (request.method !== 'DELETE') response.end('OK');
  });
  const removal = withPatience(engine.connection, engine.remove, { ms: 50 });
  await expect(removal).rejects.toThrow('did not answer within 0.05 s');
});
