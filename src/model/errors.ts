/**
 * Every way in which a build or a request can end badly: the exit code that the caller gets, and what to do about it.
 * `docs/reference/exit-codes.md` is held equal to this table by a test.
 */
export const catalogue = {
  DOCKERFILE_FAILED: { exit: 1, hint: 'see the log above' },
  DOCKERFILE_INVALID: { exit: 1, hint: 'correct the Dockerfile' },
  BASE_IMAGE_UNAVAILABLE: {
    exit: 1,
    hint: 'check the name, or add the registry to the credentials document',
  },
  BUILDER_FAILED: { exit: 1, hint: 'see the log above' },
  TEST_FAILED: { exit: 1, hint: 'see the log above' },

  USAGE: { exit: 2, hint: "try 'help'" },
  NOT_SUPPORTED: { exit: 2, hint: "'help build' lists what is" },
  BUILD_NOT_FOUND: {
    exit: 2,
    hint: "'status' lists the builds; what ended is kept an hour, and only with --on-disconnect detach or grace",
  },
  CREDENTIALS_INVALID: { exit: 2, hint: 'see docs/reference/credentials.md' },
  CONFIG_INVALID: { exit: 2, hint: 'see docs/reference/configuration.md' },
  BUILD_YML_INVALID: { exit: 2, hint: 'see docs/reference/build-yml.md' },
  DOCKERFILE_NOT_FOUND: { exit: 2, hint: 'name it with --file, relative to --context-path' },
  CONTEXT_NOT_FOUND: { exit: 2, hint: 'give --context-path a directory of the source' },
  EXTRACT_NOT_FOUND: { exit: 2, hint: 'name a path that the builder or the image has' },
  CONTEXT_TOO_LARGE: { exit: 2, hint: 'leave out what the build does not need' },
  TREE_INVALID: { exit: 2, hint: 'the source holds something that cannot be sent to the engine' },

  SOURCE_UNREACHABLE: { exit: 3, hint: 'check the URL and that the runner can reach the host' },
  SOURCE_DENIED: {
    exit: 3,
    hint: 'connect with ssh -A, or give a key or token that may read it with --credentials -',
  },
  HOST_KEY_UNKNOWN: { exit: 3, hint: 'add the host key to knownHosts, or use --accept-new-host-key' },
  REPOSITORY_NOT_FOUND: {
    exit: 3,
    hint: 'check the URL, or the credentials: forges hide what you may not read',
  },
  REVISION_NOT_FOUND: { exit: 3, hint: 'give a branch, a tag or a commit id that the repository has' },
  REVISION_AMBIGUOUS: { exit: 3, hint: 'give more characters of the commit id' },
  SOURCE_FAILED: { exit: 3, hint: 'the version control program said why above' },

  PUSH_DENIED: { exit: 4, hint: 'add the registry to the credentials document' },
  PUSH_FAILED: { exit: 4, hint: 'the image was built and tested; try again' },
  PUBLISH_FAILED: { exit: 4, hint: 'the image was built and tested; try again' },

  DENIED: { exit: 5, hint: 'ask whoever runs this buildbot' },

  ENGINE_UNREACHABLE: { exit: 69, hint: 'check that the engine runs and that the runner may use its socket' },
  ENGINE_FAILED: { exit: 69, hint: 'try again; the log of the engine knows more' },
  DISK_FULL: {
    exit: 69,
    hint: 'this is not the fault of the build: ask whoever runs this buildbot to make room, then try again',
  },
  RUNNER_FAILED: {
    exit: 69,
    hint: 'this is not the fault of the build: ask whoever runs this buildbot to look after its machine, then try again',
  },
  INTERNAL: { exit: 70, hint: 'please report it' },

  QUEUE_FULL: { exit: 75, hint: 'try again later' },
  DRAINING: { exit: 75, hint: 'try again later' },

  TIMEOUT: { exit: 124, hint: 'allow more with --timeout' },
  CANCELLED: { exit: 130, hint: 'nothing was kept' },
} as const satisfies Record<string, { exit: number; hint: string }>;

export type FailureCode = keyof typeof catalogue;

export type FailureDetails = {
  /** Exit code of the command that failed in the caller's build (a RUN, a test). */
  commandExitCode?: number;
  /** The engine's id of the image of all that was built before (classic builder). */
  lastLayer?: string;
  /** What to do, where the catalogue's own advice does not fit. */
  hint?: string;
  /** Another try may succeed (a 5xx, a cut connection). */
  transient?: boolean;
  /** Milliseconds that the other side asks to wait before that. */
  retryAfter?: number;
  /** For the operator's log, never shown to the caller. */
  cause?: unknown;
};

/** The only error that a caller sees. `message` is one line: what and where. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;
  readonly hint: string;
  readonly commandExitCode: number | undefined;
  readonly transient: boolean;
  readonly retryAfter: number | undefined;
  readonly lastLayer: string | undefined;

  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(oneLine(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? catalogue[code].hint;
    this.commandExitCode = details.commandExitCode;
    this.transient = details.transient ?? false;
    this.retryAfter = details.retryAfter;
    this.lastLayer = details.lastLayer;
  }

  /** The same failure with other words: for redaction. */
  mapText(change: (text: string) => string): Failure {
    const { commandExitCode, transient, retryAfter, cause } = this;
    const details = {
      hint: change(this.hint),
      transient,
      cause: mapCause(cause, change),
      ...(commandExitCode !== undefined && { commandExitCode }),
      ...(retryAfter !== undefined && { retryAfter }),
    };
    return new Failure(this.code, change(this.message), details);
  }

  get exitCode(): number {
    return catalogue[this.code].exit;
  }

  /** The whole line for people: what, where, what to do. */
  get line(): string {
    return `${this.message}; ${this.hint} (${this.code})`;
  }
}

/** Anything thrown → the failure that the caller is told. What is not a Failure is a bug of ours. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  // What went wrong first is why it failed, and not the cleaning up after it.
  if (isSuppressed(error)) return asFailure(error.suppressed);
  const message = error instanceof Error ? error.message : String(error);
  if (isOutOfSpace(error)) return new Failure('DISK_FULL', `disk full: ${message}`, { cause: error });
  if (isMachineTrouble(error))
    return new Failure('RUNNER_FAILED', `trouble of the runner's machine: ${message}`, { cause: error });
  return new Failure('INTERNAL', `internal error: ${message}`, { cause: error });
}

/** What the system says where a machine can no longer do what it could: a disk mounted read-only, nothing left of what all share. errno(3). */
const MACHINE = new Set(['EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM']);

export function isMachineTrouble(error: unknown): boolean {
  return error instanceof Error && 'code' in error && MACHINE.has(String(error.code));
}

/** What the system says where another program or the network is in the way: it may pass too. errno(3), getaddrinfo(3). */
const ELSEWHERE = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EAI_AGAIN', 'ENOTFOUND']);

/** What keeps a server from its start: wrong settings, but for what may be over at the next try. */
export function startFailure(message: string, cause: unknown): Failure {
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
  const text = `${message} (${code})`;
  if (!mayPass(cause)) return new Failure('CONFIG_INVALID', text, { cause });
  return new Failure('RUNNER_FAILED', text, { hint: 'it may pass: try again', cause });
}

export function mayPass(cause: unknown): boolean {
  const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException;
  return isMachineTrouble(cause) || isOutOfSpace(cause) || ELSEWHERE.has(code);
}

/** What the system says where a file system, or somebody's share of it, is full: errno(3). */
export function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

function mapCause(cause: unknown, change: (text: string) => string): unknown {
  if (typeof cause === 'string') return change(cause);
  if (!(cause instanceof Error)) return cause;
  const changed = new Error(change(cause.message));
  return Object.assign(changed, { name: cause.name, stack: change(cause.stack ?? '') });
}

// What `using` throws where a disposal fails too (ECMAScript, SuppressedError). By its name: before Node 24 the compiler brings its own.
function isSuppressed(error: unknown): error is Error & { suppressed: unknown } {
  return error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error;
}

function oneLine(text: string): string {
  // Not by one expression: a run of blanks in a hostile message would be tried from each of them.
  return text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}
