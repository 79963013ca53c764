import type { Credentials } from './credentials.js';
import type { BuilderSpec, Command, PublishSpec } from './project.js';
import type { ImageReference } from './reference.js';
import type { Vcs } from './repository.js';
import type { Rights } from './rights.js';

/** What a door hands over, whichever door it was. Everything is validated; nothing here has been looked up yet. */
export type BuildRequest = {
  /** `[A-Za-z0-9._-]{1,64}`, unique among the builds that run. */
  id: string;
  /** `plan`: say what would be done, and do nothing. */
  goal: 'build' | 'plan';
  source: SourceRequest;
  /** Which projects; empty: all. Where there is no choice, the first is its name. */
  projects: readonly string[];
  /** One more of build.yml; without build.yml, the name of what `Dockerfile` alone makes. */
  serviceId?: string;
  image: ImageRequest;
  delivery: DeliveryRequest;
  policy: BuildPolicy;
  credentials: Credentials;
  /** Of the key that asks. */
  rights: Rights;
};

export type Choice = 'auto' | 'yes' | 'no';

/** Where the files come from: a repository that is fetched, or the caller's stdin. */
export type SourceRequest = ({ kind: 'repository' } & RepositoryRequest) | ContextRequest;

export type ContextRequest = {
  kind: 'context';
  /** A tar, plain, gzip or zstd. Not read before the build has its turn. */
  stream: AsyncIterable<Uint8Array>;
  /** The caller's key: what is kept of one caller's contexts is for no other caller. */
  owner: string;
};

export type RepositoryRequest = {
  vcs: Vcs;
  /** As the program gets it, without the `hg+` that may have been in front. */
  url: string;
  /** Commit id (full or abbreviated), branch, bookmark or tag; absent: the remote's default branch. */
  revision?: string;
  /** Trust a host key that is seen for the first time. */
  acceptNewHostKey: boolean;
  /** git's submodules; `yes`: one that cannot be had is a failure, also where .gitmodules does not name it. */
  submodules: Choice;
  /** git LFS. `yes` is `auto`: an object that cannot be had is a failure in both. */
  lfs: Choice;
};

/** How to build. Absent: the default. */
export type ImageRequest = ImageOptions & {
  /** Directory in the source. */
  contextPath?: string;
  /** Dockerfile, relative to the context. */
  file?: string;
  secrets: readonly SecretMount[];
  builder?: BuilderRequest;
  tests: readonly Command[];
  publish: readonly PublishSpec[];
};

/** A builder container as the flags name it. */
export type BuilderRequest = Extract<BuilderSpec, { kind: 'image' }>;

/** What the engine is told, whatever the image is made of. */
export type ImageOptions = {
  target?: string;
  platform?: string;
  buildArgs: ReadonlyMap<string, string>;
  labels: ReadonlyMap<string, string>;
  noCache: boolean;
  pull: boolean;
  network?: string;
  addHosts: readonly string[];
  /** Bytes. */
  shmSize?: number;
  ulimits: readonly Ulimit[];
  cacheFrom: readonly CacheSource[];
  /** Embed cache metadata in the image (`--cache-to type=inline`). */
  inlineCache: boolean;
  /** RUN --mount=type=ssh gets the caller's agent. */
  ssh?: true;
};

/** `id` as the Dockerfile names it; the value is `secrets[name]` of the credentials document. */
export type SecretMount = { id: string; name: string };
export type Ulimit = { name: string; soft: number; hard: number };
export type CacheSource = { kind: 'registry'; ref: ImageReference };

export type DeliveryRequest = {
  /** Image name without a tag, registry included. */
  image?: string;
  /** Tags of `image`, or full references. Empty: the commit id. */
  tags: readonly string[];
  push: boolean;
  /** Further tries after the first one. */
  pushRetries: number;
};

export type BuildPolicy = {
  /** Milliseconds from start to verdict; absent: the server's maximum. */
  timeout?: number;
  onDisconnect: OnDisconnect;
  /** `shell`: the caller's terminal becomes a shell where a builder, a RUN or a test failed. */
  onFailure: 'exit' | 'shell';
};

/** When the caller goes away: the build ends, goes on without it, or goes on for `ms` and longer only where somebody attaches to it. */
export type OnDisconnect = { kind: 'cancel' } | { kind: 'detach' } | { kind: 'grace'; ms: number };

/** The source as people and programs are told it: a repository's URL, and `-` for a context, which has none. */
export function sourceName(source: SourceRequest): string {
  return source.kind === 'repository' ? source.url : '-';
}

/** Names the place that the source comes from, for what the engine and the runner keep from one build of it for the next. */
export function sourcePlace({ source, delivery }: BuildRequest): string {
  if (source.kind === 'repository') return source.url;
  const names = delivery.tags.map((tag) => tag.replace(/:[^:/]*$/, ''));
  return `context of ${source.owner} for ${delivery.image ?? names.join(' ')}`;
}
