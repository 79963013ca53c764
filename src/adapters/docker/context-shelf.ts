/** Bytes of a file that is kept, and of all together. */
const LARGEST = 1024 * 1024;
const ROOM = 16 * 1024 * 1024;

/** Small files that will be asked for again, since they have several names. */
export type Shelf = {
  /** Takes the bytes of a file where they are to be kept, and gives them back; undefined: they were not touched. */
  offer(
    place: string,
    file: { size: number; chunks: AsyncIterable<Uint8Array> },
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
  find(place: string): AsyncIterable<Uint8Array> | undefined;
};

export function createShelf(isShared: (place: string) => boolean): Shelf {
  const kept = new Map<string, Uint8Array[]>();
  const sizes = new Map<string, number>();
  let held = 0;
  const makeRoom = (size: number): void => {
    for (const [place, oldest] of sizes) {
      if (held + size <= ROOM) return;
      kept.delete(place);
      sizes.delete(place);
      held -= oldest;
    }
  };
  return {
    async offer(place, { size, chunks }) {
      if (size > LARGEST || !isShared(place) || kept.has(place)) return undefined;
      const content: Uint8Array[] = [];
      for await (const chunk of chunks) content.push(chunk);
      // Another reader may have brought it meanwhile.
      if (!kept.has(place)) {
        makeRoom(size);
        kept.set(place, content);
        sizes.set(place, size);
        held += size;
      }
      return each(content);
    },
    find(place) {
      const content = kept.get(place);
      return content && each(content);
    },
  };
}

async function* each(content: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* content;
}
