import type { Artefacts } from '../../ports.js';

/** Files that are read ahead and uploaded side by side; each is at most one part (5 MiB) long. */
const CONCURRENCY = 8;

/** Publishing to Amazon S3 and to stores that speak its protocol. */
export function createS3Artefacts({ concurrency = CONCURRENCY }: { concurrency?: number } = {}): Artefacts {
  return {
    async upload(target, files, { credential, emit, signal }) {
      // The SDK takes 22 MiB and 0.1 s to load: only a runner that publishes pays for it.
      const { publish } = await import('./publish.js');
      return publish(target, files, { credential, emit, signal, concurrency });
    },
  };
}
