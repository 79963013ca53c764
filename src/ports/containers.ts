/** A container of one build, and what runs in it. */
import type { RegistryCredentials } from '../model/credentials.js';
import type { Command } from '../model/project.js';
import type { Secret } from '../model/secret.js';
import type { Terminal } from '../model/terminal.js';
import type { Tree, TreeEntry } from '../model/tree.js';
import type { StepIO } from './step-io.js';

/** A container of one build: made but not started, given its files, run once, read, removed. */
export interface Containers {
  /**
   * Makes a container; the image is pulled where the engine lacks it (BASE_IMAGE_UNAVAILABLE). It carries the build's label, has the
   * server's memory and CPU limits, no capabilities beyond the engine's default, no host path, and is no member of a host namespace.
   */
  create(spec: ContainerSpec, access: { registries: RegistryCredentials } & StepIO): Promise<Container>;
}

export type ContainerSpec = {
  /** Id of the build, for the label that a sweep looks for. */
  build: string;
  image: string;
  /** The image is in the engine's store, or there is no container (ENGINE_FAILED): it is never pulled. */
  local?: true;
  /** Runs instead of the image's entry point. Absent: the container will not be run, only read. */
  command?: Command;
  /** Absent: the image's own. */
  workingDirectory?: string;
  environment: ReadonlyMap<string, string>;
  /** Files /run/secrets/NAME, readable for the container's user, in memory alone; nothing of them in the engine's configuration. */
  secrets: ReadonlyMap<string, Secret>;
  /** Volume → directory: what outlives the container. */
  caches: ReadonlyMap<string, string>;
  /** Absent: the engine's default network. */
  network?: 'none';
  /** Type of the terminal that the command gets; then it is `interact` that runs it. */
  terminal?: string;
};

export type ContainerExit = {
  exitCode: number;
  /** It was killed for using more memory than it may; `limit` in bytes where there is one. */
  outOfMemory?: { limit?: number };
};

/** A person's terminal, lent to a program in a container. */
export type TerminalSession = {
  /** What is typed from now on; it ends, or fails, when the person hangs up. */
  input: AsyncIterable<Uint8Array>;
  /** Await the answer before writing more. */
  write(data: Uint8Array): void | Promise<void>;
  terminal: Terminal;
};

/** Takes the terminal from whoever draws on it, until it is disposed. Nothing of it waits any more once the signal has aborted. */
export type OpenTerminal = (signal: AbortSignal) => Promise<TerminalSession & AsyncDisposable>;

/** Hears of a command that failed, while its container is still there. */
export type OnFailed = (container: Container, spec: ContainerSpec, io: StepIO) => Promise<void>;

/**
 * Disposing removes it with its anonymous volumes, whatever state it is in; safe twice. Disposal never rejects: its trouble is a
 * warning on the `emit` that it was made with.
 */
export interface Container extends AsyncDisposable {
  /**
   * Writes a tree below `path` (made where it is missing), modes and times as the tree has them. It, `path` itself and the caches belong to
   * the user that the image runs as; to root where that cannot be told.
   */
  put(tree: Tree, path: string, signal: AbortSignal): Promise<void>;
  /** Runs the command to its end, its output live as `log` events. Ends it (TERM, 1.5 s, KILL) on abort. Once only. */
  run(io: StepIO): Promise<ContainerExit>;
  /**
   * Runs the command on a person's terminal, until it ends, the person hangs up or `signal` aborts; the container's disposal ends what
   * runs then. Once only. Rejects with ENGINE_FAILED where it cannot be started.
   */
  interact(session: TerminalSession, signal: AbortSignal): Promise<void>;
  /** Keeps what it has become as an image of this name (`Engine.untag` removes it). */
  save(image: string, signal: AbortSignal): Promise<void>;
  /**
   * What is at `path`, file or directory, streamed in the order of a walk. Paths are relative to it (a single file: its own name).
   * Hard links come as the files they name; pipes, devices and sockets are left out, with one warning. Rejects with EXTRACT_NOT_FOUND.
   */
  read(path: string, signal: AbortSignal): AsyncIterable<StreamedEntry>;
}

/** An entry with its bytes, where it is a file. `chunks` must be consumed before the next entry is asked for. */
export type StreamedEntry = { entry: TreeEntry; chunks?: AsyncIterable<Uint8Array> };
