import { afterEach, expect, test, vi } from 'vitest';
import { createS3Artefacts } from '../../../../src/adapters/s3/artefacts.js';
import { Failure } from '../../../../src/model/errors.js';
import type { StepEvent } from '../../../../src/model/events.js';
import { Secret } from '../../../../src/model/secret.js';
import type { StreamedEntry } from '../../../../src/ports.js';
import { errorBody, fakeStore, type StoreRequest } from './fake-store.js';

const MiB = 2 ** 20;

afterEach(() => void vi.useRealTimers());

function access(endpoint: string, signal = new AbortController().signal) {
  const events: StepEvent[] = [];
  const secretAccessKey = new Secret('hush-hush');
  const credential = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey, endpoint };
  return { credential, emit: (event: StepEvent) => void events.push(event), signal, events };
}

async function* files(count: number, size = 1): AsyncGenerator<StreamedEntry> {
  for (let n = 0; n < count; n++) {
    yield {
      entry: { type: 'file', path: `f${n}`, mode: 0o644, size, id: '', mtime: 0 },
      chunks: bytes(size),
    };
  }
}

async function* bytes(size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += MiB) yield Buffer.alloc(Math.min(MiB, size - at));
}

const target = { bucket: 'bucket', prefix: 'p' };
const artefacts = createS3Artefacts({ concurrency: 3 });
const isPart = ({ method, url }: StoreRequest) => method === 'PUT' && url.searchParams.has('partNumber');

test('an error that passes is tried again', async () => {
  let left = 2;
  await using store = await fakeStore(() =>
    left-- > 0 ? { status: 500, body: errorBody('InternalError') } : undefined,
  );
  expect(await artefacts.upload(target, files(1), access(store.endpoint))).toMatchObject({ files: 1 });
  expect(store.requests).toHaveLength(3);
});

test('an error that stays is told after five tries, as one that may pass', async () => {
  await using store = await fakeStore(() => ({ status: 503, body: errorBody('ServiceUnavailable') }));
  const error = await artefacts
    .upload(target, files(1), access(store.endpoint))
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(Failure);
  expect(error).toMatchObject({
    code: 'PUBLISH_FAILED',
    transient: true,
    message: `the store at ${new URL(store.endpoint).host} does not keep up or is out of order (ServiceUnavailable, HTTP 503)`,
  });
  expect(store.requests).toHaveLength(5);
});

test('a refusal is not tried again, and no later file is begun', async () => {
  await using store = await fakeStore(() => ({ status: 403, body: errorBody('AccessDenied') }));
  const error = await artefacts
    .upload(target, files(500), access(store.endpoint))
    .catch((error: unknown) => error);
  expect(error).toMatchObject({ code: 'PUBLISH_FAILED', transient: false });
  expect(store.requests.length).toBeLessThanOrEqual(6);
});

test('small files go side by side, as many as allowed', async () => {
  let [now, most] = [0, 0];
  let release = () => {};
  const full = new Promise<void>((resolve) => (release = resolve));
  await using store = await fakeStore(async () => {
    most = Math.max(most, ++now);
    if (now === 3) release();
    await full;
    now--;
    return undefined;
  });
  await artefacts.upload(target, files(20), access(store.endpoint));
  expect(most).toBe(3);
});

test('no file is read ahead of a free lane', async () => {
  let read = 0;
  async function* counting() {
    for await (const file of files(50)) {
      read++;
      yield file;
    }
  }
  const stop = new AbortController();
  await using store = await fakeStore(() => {
    if (store.requests.length === 3) setImmediate(() => stop.abort(new Error('enough')));
    return new Promise(() => {});
  });
  const upload = artefacts.upload(target, counting(), access(store.endpoint, stop.signal));
  await expect(upload).rejects.toThrow('enough');
  expect(read).toBe(4);
});

test('parts that cannot be taken back are named in a warning, and the reason is that of the upload', async () => {
  await using store = await fakeStore((request) => {
    if (isPart(request)) return { status: 403, body: errorBody('ExpiredToken') };
    return request.method === 'DELETE' ? { status: 403, body: errorBody('ExpiredToken') } : undefined;
  });
  const io = access(store.endpoint);
  await expect(artefacts.upload(target, files(1, 6 * MiB), io)).rejects.toThrow(
    'the session token has expired',
  );
  expect(io.events).toContainEqual({
    type: 'warning',
    message: 's3://bucket/p/f0: parts may be left at the store, it did not take the upload back',
  });
});

test('an abort while parts travel cuts them and takes the upload back', async () => {
  const stop = new AbortController();
  await using store = await fakeStore((request) => {
    if (!isPart(request)) return undefined;
    stop.abort(new Error('cancelled'));
    return new Promise(() => {});
  });
  const upload = artefacts.upload(target, files(1, 40 * MiB), access(store.endpoint, stop.signal));
  await expect(upload).rejects.toThrow('cancelled');
  const last = store.requests.at(-1)!;
  expect([last.method, last.url.searchParams.get('uploadId')]).toEqual(['DELETE', 'u1']);
});

test('an upload that was just being begun is taken back too', async () => {
  const stop = new AbortController();
  await using store = await fakeStore(({ method }) => {
    if (method === 'POST') stop.abort(new Error('cancelled'));
    return undefined;
  });
  const upload = artefacts.upload(target, files(1, 40 * MiB), access(store.endpoint, stop.signal));
  await expect(upload).rejects.toThrow('cancelled');
  expect(store.requests.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
});

test('a store behind another region says which', async () => {
  const headers = { 'x-amz-bucket-region': 'eu-west-3' };
  await using store = await fakeStore(() => ({ status: 301, body: errorBody('PermanentRedirect'), headers }));
  const upload = artefacts.upload(target, files(1), access(store.endpoint));
  await expect(upload).rejects.toThrow("bucket 'bucket' is in region 'eu-west-3', not in 'us-east-1'");
});

test('no header of checksums that only Amazon knows', async () => {
  await using store = await fakeStore(() => undefined);
  await artefacts.upload(target, files(1), access(store.endpoint));
  await artefacts.upload(target, files(1, 6 * MiB), access(store.endpoint));
  const names = store.requests.flatMap(({ headers }) => Object.keys(headers));
  expect(names.filter((name) => /checksum|trailer|content-encoding/.test(name))).toEqual([]);
});

test('a line for each file', async () => {
  await using store = await fakeStore(() => undefined);
  const io = access(store.endpoint);
  await artefacts.upload(target, files(2, 6 * MiB), io);
  const lines = io.events.map((event) => (event.type === 'log' ? event.text : '')).join('');
  expect(lines).toBe('s3://bucket/p/f0 6.29MB\ns3://bucket/p/f1 6.29MB\n');
});

test('a big file tells how far it is, twice a second', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  async function* slow(): AsyncGenerator<StreamedEntry> {
    for await (const { entry, chunks } of files(1, 8 * MiB)) yield { entry, chunks: aging(chunks!) };
  }
  await using store = await fakeStore(() => undefined);
  const io = access(store.endpoint);
  await artefacts.upload(target, slow(), io);
  const what = 's3://bucket/p/f0';
  const expected = [2, 4, 6, 8].map((n) => ({ type: 'progress', what, current: n * MiB, total: 8 * MiB }));
  expect(io.events.filter(({ type }) => type === 'progress')).toEqual(expected);
});

/** Each piece takes a quarter of a second, by the clock. */
async function* aging(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    vi.advanceTimersByTime(250);
    yield chunk;
  }
}
