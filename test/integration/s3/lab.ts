import { createHash, randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { createS3Artefacts } from '../../../src/adapters/s3/artefacts.js';
import { createClient } from '../../../src/adapters/s3/client.js';
import type { S3Credential } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import type { StepEvent } from '../../../src/model/events.js';
import { Secret } from '../../../src/model/secret.js';
import type { StreamedEntry } from '../../../src/ports.js';
import { lab } from '../../lab/environment.js';

export const MiB = 2 ** 20;
export const bucket = () => lab('LAB_S3_BUCKET');

export function credential(changes: Partial<S3Credential> = {}): S3Credential {
  return {
    accessKeyId: lab('LAB_S3_ACCESS_KEY'),
    secretAccessKey: new Secret(lab('LAB_S3_SECRET_KEY')),
    endpoint: lab('LAB_S3_ENDPOINT'),
    ...changes,
  };
}

const root = `test/${randomUUID()}`;
/** A prefix that no other test uses. */
export const freshPrefix = () => `${root}/${randomUUID()}`;

export function recorder(signal: AbortSignal = new AbortController().signal) {
  const events: StepEvent[] = [];
  const emit = (event: StepEvent) => void events.push(event);
  const log = () => events.map((event) => (event.type === 'log' ? event.text : '')).join('');
  const warnings = () => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { emit, signal, events, log, warnings };
}

type Content = Buffer | string;

/** Files as a container gives them: one after the other, each to be consumed before the next. */
export async function* streamed(files: Record<string, Content>): AsyncGenerator<StreamedEntry> {
  for (const [path, content] of Object.entries(files)) {
    const bytes = Buffer.from(content as Buffer);
    yield fileOf(path, bytes.length, cut(bytes));
  }
}

export function fileOf(path: string, size: number, chunks: AsyncIterable<Uint8Array>): StreamedEntry {
  return { entry: { type: 'file', path, mode: 0o644, size, id: path, mtime: 0 }, chunks };
}

async function* cut(bytes: Buffer, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** `size` bytes that are never in memory at once; `onBytes` is told and may wait. */
export async function* generated(
  size: number,
  onBytes: (bytes: number) => void | Promise<void> = () => {},
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += 64 * 1024) {
    await onBytes(at);
    yield Buffer.alloc(Math.min(64 * 1024, size - at), at % 251);
  }
}

export async function sha256(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

export function upload(
  files: AsyncIterable<StreamedEntry>,
  prefix: string,
  changes: Partial<S3Credential> = {},
) {
  const io = recorder();
  return createS3Artefacts()
    .upload({ bucket: bucket(), prefix }, files, { credential: credential(changes), ...io })
    .then((published) => ({ ...io, published }));
}

export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof Failure)) throw new Error(`no Failure, but ${String(error)}`, { cause: error });
  return error;
}

/** What the store itself says. */
export function openReader() {
  const client = createClient(credential());
  const Bucket = bucket();
  return {
    /** Removes what is large of what this file of tests has published: the lab's disk need not hold it. */
    async close(): Promise<void> {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: `${root}/` }));
      const large = Contents.filter(({ Size = 0 }) => Size > MiB);
      for (const { Key } of large) await client.send(new DeleteObjectCommand({ Bucket, Key }));
      client.destroy();
    },
    async keys(prefix: string): Promise<string[]> {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: `${prefix}/` }));
      return Contents.map(({ Key = '' }) => Key.slice(prefix.length + 1));
    },
    async get(Key: string) {
      const { Body, ContentType } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return { type: ContentType, chunks: Body as unknown as AsyncIterable<Uint8Array> };
    },
    async text(Key: string): Promise<string> {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return Body!.transformToString();
    },
    /** Keys below the prefix whose upload in parts has begun and neither ended nor been taken back. */
    async unfinished(prefix: string): Promise<string[]> {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: prefix }));
      return Uploads.map(({ Key = '' }) => Key);
    },
  };
}
