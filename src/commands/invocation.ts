import type { Readable, Writable } from 'node:stream';
import type { Caller } from '../model/caller.js';
import type { LentAgent } from '../model/credentials.js';
import type { Failure } from '../model/errors.js';
import type { Terminal } from '../model/terminal.js';
import type { Builds } from '../run/builds.js';

/** One command as a door hands it over: an SSH session, or the program's own command line. */
export type Invocation = {
  words: readonly string[];
  /** Why the words mean nothing: the text could not be split into any as a shell would. */
  unreadable?: Failure;
  /** The program's own command line: `serve` and its like exist there. */
  local: boolean;
  caller: Caller;
  environment: ReadonlyMap<string, string>;
  /** It is there as long as the command runs. */
  agent?: LentAgent;
  /** Where the caller has a terminal: stdout and stderr are shown on it, and need no carriage returns. */
  terminal?: Terminal;
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  /** Aborted when the caller has gone away (the reason is CallerGone) or wants to stop (any other). */
  signal: AbortSignal;
};

/** What commands work on. */
export type Services = {
  builds: Builds;
  version: string;
  startedAt: Date;
  /** How the engine and the disk are. Takes two seconds at most. */
  health: () => Promise<Health>;
  /** Signs receipts with the runner's host key; what runs without the SSH door has none. The signature is armored. */
  sign?: (text: string) => string;
  /** Hears of what should never happen, for the operator's log. */
  onBug: (failure: Failure) => void;
  local: LocalCommands;
};

export type EngineHealth = { checkedAt: string } & (
  { reachable: true; name: string; version: string } | { reachable: false; message: string }
);

/**
 * Bytes. `disk` is that of the data directory; `used`, once it has been measured, is what all caches have of their limit; `fault`, where it
 * cannot be written, what the system says.
 */
export type Health = {
  engine: EngineHealth;
  disk: { free: number; total: number; fault?: string; caches: { used?: number; limit: number } };
};

/** Commands that the composition root alone can run. */
export type LocalCommands = {
  serve: () => Promise<number>;
  healthcheck: () => Promise<number>;
  /** What each server on the data directory tells of itself: a StatusReport, as JSON. */
  askServers: () => Promise<readonly string[]>;
};
