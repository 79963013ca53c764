import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createS3Artefacts } from '../../../src/adapters/s3/artefacts.js';
import type { S3Credential } from '../../../src/model/credentials.js';
import { Secret } from '../../../src/model/secret.js';
import { lab } from '../../lab/environment.js';
import {
  bucket,
  credential,
  failureOf,
  fileOf,
  freshPrefix,
  generated,
  MiB,
  recorder,
  streamed,
} from './lab.js';

const host = () => new URL(lab('LAB_S3_ENDPOINT')).host;

/** Small files or a big one: the same sentence. */
async function refused(changes: Partial<S3Credential>, { to = bucket(), size = 10 } = {}) {
  const files = size > 5 * MiB ? big(size) : streamed({ a: 'x', b: 'y', c: 'z' });
  const access = { credential: credential(changes), ...recorder() };
  return failureOf(createS3Artefacts().upload({ bucket: to, prefix: freshPrefix() }, files, access));
}

async function* big(size: number) {
  yield fileOf('big', size, generated(size));
}

test.each([10, 12 * MiB])('a wrong secret (%i bytes)', async (size) => {
  const failure = await refused({ secretAccessKey: new Secret('hush-hush') }, { size });
  expect(failure).toMatchObject({ code: 'PUBLISH_FAILED', exitCode: 4, transient: false });
  expect(failure.line).toBe(
    `the store at ${host()} refuses the signature: the secret key does not belong to the access key; check s3 in the credentials document (PUBLISH_FAILED)`,
  );
});

test('a wrong access key', async () => {
  const failure = await refused({ accessKeyId: 'lab:nobody' });
  expect(failure).toMatchObject({ code: 'PUBLISH_FAILED', transient: false });
  expect(failure.message).toMatch(/^the store at \S+ (?:refuses the signature|does not know the access key)/);
});

test.each([10, 12 * MiB])('a bucket that does not exist (%i bytes)', async (size) => {
  const failure = await refused({}, { to: 'no-such-bucket', size });
  expect(failure.message).toBe(`the store at ${host()} has no bucket 'no-such-bucket'`);
  expect(failure.transient).toBe(false);
});

test('a name that no bucket can have', async () => {
  expect((await refused({}, { to: 'x' })).message).toBe("'x' is not a name for a bucket");
});

test('another region than that of the bucket', async () => {
  const failure = await refused({ region: 'eu-central-1' });
  expect(failure.message).toBe(`bucket '${bucket()}' is in region 'us-east-1', not in 'eu-central-1'`);
});

test('a port where nobody listens', async () => {
  const free = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
  const failure = await refused({ endpoint: `http://user:secret@127.0.0.1:${free}` });
  expect(failure.message).toBe(`the store at 127.0.0.1:${free} cannot be reached (ECONNREFUSED)`);
  expect(failure.transient).toBe(true);
});

test('a host name that does not exist', async () => {
  const failure = await refused({ endpoint: 'http://store.invalid' });
  expect(failure.message).toMatch(
    /^the store at store\.invalid cannot be reached \((?:ENOTFOUND|EAI_AGAIN)\)$/,
  );
});

test('a server that is no store', async () => {
  const failure = await refused({ endpoint: `http://${lab('LAB_REGISTRY')}` });
  expect(failure.message).toMatch(/^the store at \S+ refuses the upload to '\S+' \(\S+, HTTP 40[45]\)$/);
});

test('the first refusal stops the reading of all other files', async () => {
  let read = 0;
  async function* many() {
    for (; read < 1000; read++) yield* streamed({ [`f${read}`]: 'x' });
  }
  const access = { credential: credential({ secretAccessKey: new Secret('x') }), ...recorder() };
  await failureOf(createS3Artefacts().upload({ bucket: bucket(), prefix: freshPrefix() }, many(), access));
  expect(read).toBeLessThan(40);
});
