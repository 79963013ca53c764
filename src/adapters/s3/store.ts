import { Readable } from 'node:stream';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { S3Credential } from '../../model/credentials.js';
import type { StepIO } from '../../ports.js';
import { createClient, DEFAULT_REGION } from './client.js';
import { contentType } from './content-type.js';
import { counted } from './contents.js';
import { storeFailure } from './failure.js';
import { shownUrl } from './key.js';
import { stoppable } from './stoppable.js';
import { untilAborted } from './until-aborted.js';

/** Bytes. The smallest part that S3 takes (but for the last), and the largest file that is sent in one piece. */
export const PART_SIZE = 5 * 2 ** 20;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MAX_PARTS = 10_000;
/** Parts of one file that travel at the same time. */
const QUEUE = 3;
/** Milliseconds for taking back a multipart upload, after whatever ended it. */
export const TAKE_BACK = 5_000;
/** Milliseconds between two progress events. */
const PROGRESS = 500;

type Content = { size: number; chunks: AsyncIterable<Uint8Array> };

export type Store = {
  put(key: string, body: Buffer): Promise<void>;
  /** Streams a file in parts. When it rejects, the store keeps none of them, or a warning says so. */
  putInParts(key: string, content: Content): Promise<void>;
  close(): void;
};

/** One bucket. Every call ends with `signal`. Rejects with PUBLISH_FAILED where the store is at fault. */
export function openStore(
  bucket: string,
  { credential, emit, signal }: { credential: S3Credential } & StepIO,
): Store {
  const plain = createClient(credential);
  const { endpoint, region = DEFAULT_REGION } = credential;
  const client = stoppable(plain, {
    signal,
    takeBack: TAKE_BACK,
    failure: (error) => storeFailure(error, { bucket, region, endpoint }),
    onLeft: (key) =>
      emit({
        type: 'warning',
        message: `${shownUrl(bucket, key)}: parts may be left at the store, it did not take the upload back`,
      }),
  });

  async function inParts(key: string, { size, chunks }: Content): Promise<void> {
    const what = shownUrl(bucket, key);
    const report = everyNowAndThen((current) => emit({ type: 'progress', what, current, total: size }));
    const source = counted(untilAborted(chunks, signal), size, report);
    const upload = new Upload({
      client,
      params: {
        Bucket: bucket,
        Key: key,
        ContentType: contentType(key),
        Body: Readable.from(source, { highWaterMark: 1 }),
      },
      partSize: partSizeFor(size),
      queueSize: QUEUE,
    });
    await upload.done();
  }

  return {
    async put(key, body) {
      const command = { Bucket: bucket, Key: key, Body: body, ContentType: contentType(key) };
      await client.send(new PutObjectCommand(command));
    },
    putInParts: inParts,
    close: () => plain.destroy(),
  };
}

/** Bytes: as small as S3 takes them, larger where there would be too many. */
export function partSizeFor(size: number): number {
  return Math.max(PART_SIZE, Math.ceil(size / MAX_PARTS));
}

function everyNowAndThen(report: (bytes: number) => void | Promise<void>) {
  let next = performance.now() + PROGRESS;
  return async (bytes: number): Promise<void> => {
    if (performance.now() < next) return;
    next = performance.now() + PROGRESS;
    await report(bytes);
  };
}
