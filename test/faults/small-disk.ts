import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../scenarios/run.js';

/** A file system of a few megabytes, until it is disposed. Only root may mount. */
export interface SmallDisk extends AsyncDisposable {
  directory: string;
}

/** In memory, at `directory`, which is made where it is missing; `files`: how many it can hold, itself among them. */
export async function mountMemory(directory: string, { megabytes = 4, files = 0 }): Promise<SmallDisk> {
  await mkdir(directory, { recursive: true });
  await run('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${megabytes}m,nr_inodes=${files},mode=0700`,
    'small',
    directory,
  ]);
  return { directory, [Symbol.asyncDispose]: () => unmount(directory) };
}

/** An empty ext4 in a file, where an engine can lay its layers. */
export async function mountExt4(megabytes: number): Promise<SmallDisk> {
  const parent = await mkdtemp(join(tmpdir(), 'bb-disk-'));
  const [image, directory] = [join(parent, 'image'), join(parent, 'disk')];
  await run('truncate', ['-s', `${megabytes}M`, image]);
  await run('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  await mkdir(directory);
  await run('mount', ['-o', 'loop', image, directory]);
  await rmdir(join(directory, 'lost+found'));
  return {
    directory,
    async [Symbol.asyncDispose]() {
      await unmount(directory);
      await rm(parent, { recursive: true });
    },
  };
}

async function unmount(directory: string): Promise<void> {
  await run('umount', ['--lazy', directory]);
}
