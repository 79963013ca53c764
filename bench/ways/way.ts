import type { Fixture, WayName } from '../fixtures/fixture.js';
import type { Repository } from '../fixtures/repository.js';

/** One build that is measured. */
export type Job = {
  fixture: Fixture;
  repository: Repository;
  revision: string;
  /** REGISTRY/NAME:TAG */
  reference: string;
};

export type Taken = {
  /** From the start of the caller's command to its end. */
  seconds: number;
  /** Of `git ls-remote` at the same server; it comes on top of `seconds`. */
  question?: number;
  /** What the way says that it pushed. */
  digest: string;
  /** Seconds of each step, of ours alone. */
  steps?: Record<string, number>;
  /** Of all output, a file. */
  output: string;
};

/** A way to get an image of a revision into the registry. */
export interface Way {
  name: WayName;
  /** Puts the source where this way expects it; not measured. */
  prepare(job: Job): Promise<void>;
  /** Rejects when the build fails. */
  build(job: Job): Promise<Taken>;
}
