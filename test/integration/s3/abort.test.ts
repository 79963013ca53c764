import { afterAll, beforeAll, expect, test } from 'vitest';
import { createS3Artefacts } from '../../../src/adapters/s3/artefacts.js';
import type { StreamedEntry } from '../../../src/ports.js';
import {
  bucket,
  credential,
  fileOf,
  freshPrefix,
  generated,
  MiB,
  openReader,
  recorder,
  streamed,
} from './lab.js';

let store: ReturnType<typeof openReader>;
beforeAll(() => void (store = openReader()));
afterAll(() => store.close());

type Timing = { at: number; early?: boolean; silent?: boolean };

/**
 * Uploads a file of 60 MiB and aborts after `at` bytes were read: when the store knows of the upload, or earlier, while it is being
 * told. A silent source says nothing from then on.
 */
function abortedAt({ at, early = false, silent = false }: Timing) {
  const stop = new AbortController();
  const prefix = freshPrefix();
  const io = recorder(stop.signal);
  const never = new Promise<void>(() => {});
  const onBytes = async (bytes: number) => {
    if (bytes < at || stop.signal.aborted) return;
    if (!early) await begun(prefix);
    stop.abort(new Error('the build was cancelled'));
    if (silent) await never;
  };
  async function* files(): AsyncGenerator<StreamedEntry> {
    yield fileOf('big', 60 * MiB, generated(60 * MiB, onBytes));
  }
  const upload = createS3Artefacts().upload({ bucket: bucket(), prefix }, files(), {
    credential: credential(),
    ...io,
  });
  return { upload, prefix, warnings: io.warnings };
}

async function begun(prefix: string): Promise<void> {
  while ((await store.unfinished(prefix)).length === 0);
}

test.each<Timing>([
  { at: 5.2 * MiB, early: true },
  { at: 11 * MiB },
  { at: 40 * MiB },
  { at: 40 * MiB, silent: true },
])('an abort in mid-upload leaves nothing at the store (%o)', async (timing) => {
  const { upload, prefix, warnings } = abortedAt(timing);
  await expect(upload).rejects.toThrow('the build was cancelled');
  expect(await store.unfinished(prefix)).toEqual([]);
  expect(await store.keys(prefix)).toEqual([]);
  expect(warnings()).toEqual([]);
});

test('a file that breaks off leaves nothing at the store, and its own error is told', async () => {
  const prefix = freshPrefix();
  async function* breaking(): AsyncGenerator<StreamedEntry> {
    const onBytes = async (bytes: number) => {
      if (bytes < 30 * MiB) return;
      await begun(prefix);
      throw new Error('the engine is gone');
    };
    yield fileOf('big', 60 * MiB, generated(60 * MiB, onBytes));
  }
  const upload = createS3Artefacts().upload({ bucket: bucket(), prefix }, breaking(), {
    credential: credential(),
    ...recorder(),
  });
  await expect(upload).rejects.toThrow('the engine is gone');
  expect(await store.unfinished(prefix)).toEqual([]);
});

test('a file shorter than it says is not published', async () => {
  const prefix = freshPrefix();
  async function* short(): AsyncGenerator<StreamedEntry> {
    yield fileOf('big', 20 * MiB, generated(19 * MiB));
  }
  const upload = createS3Artefacts().upload({ bucket: bucket(), prefix }, short(), {
    credential: credential(),
    ...recorder(),
  });
  await expect(upload).rejects.toThrow('a file ended after 19922944 of 20971520 bytes');
  expect(await store.unfinished(prefix)).toEqual([]);
  expect(await store.keys(prefix)).toEqual([]);
});

test('an abort while nothing comes', async () => {
  const stop = new AbortController();
  async function* silent(): AsyncGenerator<StreamedEntry> {
    yield* streamed({ a: 'x' });
    stop.abort(new Error('the build was cancelled'));
    await new Promise(() => {});
  }
  const io = recorder(stop.signal);
  const access = { credential: credential(), ...io };
  const upload = createS3Artefacts().upload({ bucket: bucket(), prefix: freshPrefix() }, silent(), access);
  await expect(upload).rejects.toThrow('the build was cancelled');
});

test('an abort before it begins', async () => {
  const prefix = freshPrefix();
  const access = { credential: credential(), ...recorder(AbortSignal.abort(new Error('too late'))) };
  const upload = createS3Artefacts().upload({ bucket: bucket(), prefix }, streamed({ a: 'x' }), access);
  await expect(upload).rejects.toThrow('too late');
  expect(await store.keys(prefix)).toEqual([]);
});
