import { statSync } from 'node:fs';

/** Looks at a file that a program writes to, every 20 ms. */
export function watchGrowth(path: string): { end(bytes: number): number } {
  const seen: { at: number; size: number }[] = [];
  const look = () => {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size < (seen.at(-1)?.size ?? 0)) seen.length = 0; // the file of the build before
    seen.push({ at: performance.now(), size });
  };
  const timer = setInterval(look, 20);
  return {
    /** Seconds from its first growth until it had these bytes more. */
    end(bytes) {
      clearInterval(timer);
      look();
      const last = seen.at(-1)!;
      const began = seen.findLast(({ size }) => size <= last.size - bytes) ?? seen[0]!;
      const done = seen.find(({ size }) => size >= began.size + bytes) ?? last;
      return (done.at - began.at) / 1000;
    },
  };
}
