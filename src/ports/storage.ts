import type { StepIO } from './step-io.js';

/** What is kept to save time, of all kinds together. */
export interface Storage {
  /** Where a disk is nearly full, makes room before a build, and says so in a line. Never rejects for want of room. */
  makeRoom(io: StepIO): Promise<void>;
  /** Begins to remove what was used least lately until the rest is within the limit. Safe to call at any time; nobody waits for it. */
  collect(): void;
}

/** One thing that is kept. */
export type Kept = {
  /** Unique in its stock. */
  name: string;
  /** What it takes on the disk. */
  bytes: number;
  /** Of its last use, milliseconds since the epoch. */
  usedAt: number;
};

/** Things of one kind. All of it rejects with whatever error is in the way. */
export interface Stock {
  /** For people, in the plural. */
  kind: string;
  /** A directory of the disk on which it lies; undefined: not on this machine, as far as one can see. Never rejects. */
  place(): Promise<string | undefined>;
  /** Something may have grown since it was last listed. */
  hasGrown(): boolean;
  list(): Promise<readonly Kept[]>;
  /** Makes one smaller without removing it, and says how many bytes it takes then. Absent: that cannot be. */
  trim?(kept: Kept): Promise<number>;
  /** Removes them, but none that a build uses, of whatever runner. Says what is gone. */
  remove(kept: readonly Kept[]): Promise<Removed>;
}

export type Removed = { count: number; bytes: number };
