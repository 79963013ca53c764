/** What a build needs from the world. Adapters implement these; steps and tests know nothing else. */
import type {
  Credentials,
  LentAgent,
  NotifyCredentials,
  RegistryCredentials,
  S3Credential,
} from './model/credentials.js';
import type { NotifyChannel } from './model/project.js';
import type { ImageReference } from './model/reference.js';
import type { ImageOptions, RepositoryRequest } from './model/request.js';
import type { Secret } from './model/secret.js';
import type { SourceRevision } from './model/source.js';
import type { Tree } from './model/tree.js';
import type { StreamedEntry } from './ports/containers.js';
import type { StepIO } from './ports/step-io.js';

export type { ImageOptions, SourceRevision };
export type * from './ports/containers.js';
export type * from './ports/depot.js';
export type * from './ports/step-io.js';
export type * from './ports/storage.js';

export interface Source {
  /**
   * Finds the revision and gives its tree. Rejects with a Failure of exit 3.
   * Proves first that `credentials` may read the repository: a cache never serves who could not fetch.
   * Safe to call concurrently, also for one repository. Nothing is checked out; the tree reads from the cache until disposed.
   */
  fetch(request: RepositoryRequest, access: SourceAccess, io: StepIO): Promise<FetchedSource>;
}

export type SourceAccess = {
  credentials: Credentials;
  /** Private directory of the build, in memory where the system has one: for key files. */
  workspace: string;
  /** Private directory of the build on disk, for what may be large. */
  scratch: string;
};

export interface FetchedSource extends AsyncDisposable {
  revision: SourceRevision;
  tree: Tree;
}

/** Build contexts that callers send in place of naming a repository. */
export interface Contexts {
  /**
   * Reads a tar stream (plain, gzip or zstd) to the end of its archive, and keeps it outside of the runner until it is disposed; disposal
   * never rejects. What follows the archive is drained. The revision's id names the content, its time is that of the newest entry.
   * Rejects with TREE_INVALID, CONTEXT_TOO_LARGE, SOURCE_FAILED (the stream was cut off) or as the engine does. Safe to call concurrently.
   */
  receive(stream: AsyncIterable<Uint8Array>, access: { build: string } & StepIO): Promise<FetchedSource>;
}

export interface Engine {
  /** Who answers, and what it can do. Rejects with ENGINE_UNREACHABLE. */
  describe(signal: AbortSignal): Promise<EngineDescription>;
  /**
   * Builds an image and tags it `spec.tag` (in the engine alone). Rejects with DOCKERFILE_FAILED (the RUN's own code in
   * commandExitCode), DOCKERFILE_INVALID, BASE_IMAGE_UNAVAILABLE, ENGINE_UNREACHABLE or ENGINE_FAILED.
   * After an abort the engine's work has stopped when the promise settles.
   */
  build(spec: ImageSpec, io: StepIO): Promise<BuiltImage>;
  /**
   * Pushes the image `source` (by its id, or a name) as `target` and returns the digest from the registry's answer. One try. Rejects with PUSH_DENIED or
   * PUSH_FAILED, `transient` where another try may help. `target` in the engine is touched only for the time of the push.
   */
  push(
    source: string,
    target: ImageReference,
    access: { registries: RegistryCredentials } & StepIO,
  ): Promise<{ digest: string }>;
  /**
   * Names `source` also `target`, in the engine. Rejects with ENGINE_UNREACHABLE after a minute of an engine that answers others, and after
   * ten seconds of one that does not; with ENGINE_FAILED where another build uses that name for ten seconds, or where there is no such
   * image; with the reason of `signal` at most ten seconds after that aborts.
   */
  tag(source: string, target: ImageReference, signal?: AbortSignal): Promise<void>;
  /**
   * Removes a name; the image too when it was its last one. Safe twice, safe for one that never was, and tried also where `signal` has
   * aborted before. Rejects with ENGINE_UNREACHABLE as `tag` does, and ten seconds after that abort; with ENGINE_FAILED where a container
   * has the image.
   */
  untag(name: string, signal?: AbortSignal): Promise<void>;
}

export type EngineDescription = { name: 'docker' | 'podman'; version: string; buildkit: boolean };

export type ImageSpec = {
  /** Name under which the engine keeps the image for the time of the build, e.g. `buildbot-build:ID-PROJECT`. */
  tag: string;
  context: ImageContext;
  options: ImageOptions;
  registries: RegistryCredentials;
  /** BuildKit secrets by the id that the Dockerfile names. */
  secrets: ReadonlyMap<string, Secret>;
  /** Whose secrets and agent they are: what a RUN made with them is served from the cache to their owner alone. */
  owner: string;
  /** For RUN --mount=type=ssh. */
  agent?: LentAgent;
};

export type ImageContext = {
  /** What `COPY` sees: ignored files are gone already. */
  tree: Tree;
  /** The Dockerfile's text; it need not be in `tree`. */
  dockerfile: string;
  /** Under which name messages show it. */
  dockerfileName: string;
  /** Names the place whose tree this is (a repository, a directory in it): the engine may keep what it saw there last. */
  sharedKey: string;
};

export type BuiltImage = {
  /** `sha256:…` of the configuration. */
  id: string;
  /** Bytes, unpacked. */
  size: number;
  /** `os/arch[/variant]`. */
  platform: string;
  /** Nothing had to be executed. */
  cached: boolean;
};

export interface Spools {
  /** Keeps streamed entries on disk, below the build's scratch directory, so that they can be read in any order. `id` of a file is the SHA-256 of its content. */
  spool(entries: AsyncIterable<StreamedEntry>, directory: string): Promise<Tree & AsyncDisposable>;
}

/** Directories of builder containers that outlive a build, kept by the engine. A cache, so losing one costs time, never a build. */
export interface Caches {
  /**
   * The cache of `path` in builders of `owner`, as the name of a volume for `ContainerSpec.caches`. Until it is disposed (safe
   * twice) nobody else gets the same one, of this runner or another on its data directory: builds of one owner at the same time have caches of their own. Rejects
   * with ENGINE_FAILED or ENGINE_UNREACHABLE. Disposal never rejects: its trouble is a warning on `emit`.
   */
  acquire(owner: string, path: string, io: StepIO): Promise<CacheVolume>;
}

export interface CacheVolume extends AsyncDisposable {
  volume: string;
}

export interface Artefacts {
  /**
   * Uploads every file to `bucket`, under `prefix/` and its path; small ones side by side, big ones in parts, nothing on disk. Transient
   * errors are tried again. Rejects with PUBLISH_FAILED (wrong credentials, missing bucket, … in one line).
   */
  upload(
    target: { bucket: string; prefix: string },
    files: AsyncIterable<StreamedEntry>,
    access: { credential: S3Credential } & StepIO,
  ): Promise<{ url: string; files: number; bytes: number }>;
}

export interface Notifier {
  /** Tells one channel. Rejects with any error after its own tries; the caller makes a warning of it. */
  notify(
    channel: NotifyChannel,
    notification: Notification,
    access: { credentials: NotifyCredentials; signal: AbortSignal },
  ): Promise<void>;
}

/** What is told: before the build (`pending`, for channels that show a state), and its outcome. */
export type Notification = {
  state: 'pending' | 'success' | 'failure';
  build: string;
  project: string;
  repo: string;
  revision: SourceRevision;
  /** One line for people: what was built or what failed. */
  summary: string;
  /** References that were pushed, each with its digest. */
  images: readonly { ref: string; digest: string }[];
  /** Page of the build, where the server has a public URL. */
  url?: string;
};

export interface Workspaces {
  /** A new private directory (0700), in memory where the system has one. Disposing removes it with all it holds. */
  create(build: string): Promise<Workspace>;
  /** Removes what builds of a dead runner left. */
  sweep(): Promise<void>;
}

export interface Workspace extends AsyncDisposable {
  /** In memory where the system has such a place: for keys and sockets. */
  directory: string;
  /** On disk, for what may be large. */
  scratch: string;
}

export interface Clock {
  now(): Date;
  /** Milliseconds since some moment, by a clock that nobody sets: for how long something took. */
  elapsed(): number;
  /** Resolves after `ms`, or when the signal aborts. Never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}
