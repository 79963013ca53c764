import { Failure } from '../../../model/errors.js';

/** What a pointer file points to: the SHA-256 of the content in hex digits, and its size in bytes. */
export type Pointer = { oid: string; size: number };

/** A larger file is no pointer: docs/spec.md of git-lfs. */
export const MAX_POINTER = 1023;

const VERSION = String.raw`version (?:https://git-lfs\.github\.com/spec/v1|https://hawser\.github\.com/spec/v1|http://git-media\.io/v/2)`;
const EXTENSIONS = String.raw`((?:\next-\d-\w+ sha256:[0-9a-f]{64})*)`;
const POINTER = new RegExp(`^${VERSION}${EXTENSIONS}\noid sha256:([0-9a-f]{64})\nsize (\\d{1,15})\\s*$`);

/**
 * Parses a pointer file. Undefined for what is none: such a file is its own content, though .gitattributes give
 * it to LFS. Throws SOURCE_FAILED where the content would have to be made from the object by an extension.
 */
export function parsePointer(text: string, path: string): Pointer | undefined {
  const [, extensions, oid, size] = POINTER.exec(text.replaceAll('\r\n', '\n')) ?? [];
  if (oid === undefined) return undefined;
  if (extensions !== '')
    throw new Failure(
      'SOURCE_FAILED',
      `'${path}' is kept in Git LFS with an extension, which is not supported`,
      {
        hint: '--lfs no leaves the pointer file as it is',
      },
    );
  return { oid, size: Number(size) };
}
