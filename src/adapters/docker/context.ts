import type { Readable } from 'node:stream';
import type { Tree } from '../../model/tree.js';
import { findEntry } from '../../model/tree.js';
import { textEntry } from './dockerfile-tree.js';
import { packTar, writeEntries, writeEntry } from './tar-pack.js';

const IGNORE_FILE = '.dockerignore';

/**
 * The context as the classic builder takes it. The Dockerfile is in it under `path`, whether or not the tree has it. Where the
 * tree has it not, COPY must not see it either: the engine drops the Dockerfile and .dockerignore again when the .dockerignore
 * that it finds names them (moby, builder/remotecontext/detect.go), so one is added that does.
 */
export function contextTar(tree: Tree, { path, text }: { path: string; text: string }): Readable {
  return packTar(async (pack) => {
    const writeText = (path: string, content: Buffer) => writeEntry(pack, textEntry(path, content), content);
    const entries = await tree.entries();
    if (findEntry(entries, path) === undefined && findEntry(entries, IGNORE_FILE) === undefined) {
      await writeText(IGNORE_FILE, Buffer.from(`${path}\n${IGNORE_FILE}\n`));
    }
    await writeText(path, Buffer.from(text));
    await writeEntries(pack, tree, { entries: entries.filter((entry) => entry.path !== path) });
  });
}
