import type { Readable, Writable } from 'node:stream';
import type { Failure } from '../model/errors.js';
import type { Builds, Caller } from '../run/builds.js';

/** One command as a door hands it over: an SSH session, or the program's own command line. */
export type Invocation = {
  words: readonly string[];
  /** Why there are no words: the text could not be split into any. */
  unreadable?: Failure;
  /** The program's own command line: `serve` and its like exist there. */
  local: boolean;
  caller: Caller;
  environment: ReadonlyMap<string, string>;
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  /** Aborted, with any reason, when the caller has gone away or wants to stop. */
  signal: AbortSignal;
};

/** What commands work on. */
export type Services = {
  builds: Builds;
  version: string;
  /** Hears of what should never happen, for the operator's log. */
  onBug: (failure: Failure) => void;
  local: LocalCommands;
};

/** Commands that the composition root alone can run. */
export type LocalCommands = { serve: () => Promise<number>; healthcheck: () => Promise<number> };
