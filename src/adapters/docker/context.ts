import type { Readable } from 'node:stream';
import type { Tree, TreeEntry } from '../../model/tree.js';
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
    const entries = await tree.entries();
    const own = findEntry(entries, path);
    const writeText = (path: string, text: string, like?: TreeEntry) => {
      const content = Buffer.from(text);
      // COPY takes it with the mode and the time that the tree has it with.
      const mode = like?.type === 'file' ? { mode: like.mode } : {};
      const entry = { ...textEntry(path, content), ...mode, mtime: like?.mtime ?? 0 };
      return writeEntry(pack, entry, content);
    };
    if (own === undefined && findEntry(entries, IGNORE_FILE) === undefined) {
      await writeText(IGNORE_FILE, `${path}\n${IGNORE_FILE}\n`);
    }
    await writeText(path, text, own);
    await writeEntries(pack, tree, { entries: entries.filter((entry) => entry.path !== path) });
  });
}
