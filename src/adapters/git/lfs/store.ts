import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../../model/errors.js';
import type { Pointer } from './pointer.js';

/** The LFS objects of one repository, kept as git-lfs keeps them. It is cache; nothing here bounds it. */
export interface LargeObjects {
  directory: string;
  has(pointer: Pointer): Promise<boolean>;
  /** Removes what git-lfs leaves beside whole objects: logs with its environment, and parts that may be damaged. */
  tidy(): Promise<void>;
  /** The object's bytes. Throws SOURCE_FAILED where they have been damaged, and forgets them: the next build fetches anew. */
  read(pointer: Pointer): AsyncGenerator<Uint8Array>;
}

export function openLargeObjects(directory: string): LargeObjects {
  // As git-lfs lays them out.
  const file = ({ oid }: Pointer): string =>
    join(directory, 'objects', oid.slice(0, 2), oid.slice(2, 4), oid);
  return {
    directory,
    async has(pointer) {
      if (pointer.size === 0) return true;
      const found = await stat(file(pointer)).catch(() => undefined);
      if (found === undefined || found.size === pointer.size) return found !== undefined;
      await rm(file(pointer), { force: true });
      return false;
    },
    async tidy() {
      for (const name of ['logs', 'incomplete', 'tmp']) {
        await rm(join(directory, name), { recursive: true, force: true });
      }
    },
    read: (pointer) => readVerified(file(pointer), pointer),
  };
}

async function* readVerified(file: string, { oid, size }: Pointer): AsyncGenerator<Uint8Array> {
  if (size === 0) return;
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
  } catch (cause) {
    throw damaged(oid, cause);
  }
  if (hash.digest('hex') === oid) return;
  await rm(file, { force: true });
  throw damaged(oid);
}

function damaged(oid: string, cause?: unknown): Failure {
  return new Failure('SOURCE_FAILED', `the copy of the LFS object ${oid} was damaged or is gone`, {
    hint: 'try again: it will be fetched anew',
    transient: true,
    cause,
  });
}
