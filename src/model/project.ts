/** What one project of build.yml (or the flags in its place) asks for. Templates (`{branch}`) and references are resolved elsewhere. */
export type ProjectSpec = {
  name: string;
  /** Image name without a tag, registry included where it is given. */
  image?: string;
  tags: readonly string[];
  /** Context directory in the source. */
  contextPath?: string;
  /** Dockerfile, relative to the context. */
  dockerfile?: string;
  /** Directory in the context where rev.txt is written. */
  revfile?: string;
  builder?: BuilderSpec;
  args: ReadonlyMap<string, string>;
  /** Names in `secrets` of the credentials document: mounted in the builder, the Dockerfile, the tests and commands before publishing. */
  secrets: readonly string[];
  tests: readonly Command[];
  publish: readonly PublishSpec[];
  notify: readonly NotifyChannel[];
  /** Where its keys stand in build.yml, for messages: `revfile` → `build.yml:2:12: redis.revfile`; '' is the project itself. */
  places?: ReadonlyMap<string, string>;
  /** What the caller should know of what stands there, a line each. */
  warnings?: readonly string[];
};

/** A string runs with `sh -c`, a list without a shell. */
export type Command = string | readonly [string, ...string[]];

/** Where the build itself happens, apart from the image that it yields. */
export type BuilderSpec =
  /** `dockerfile` (relative to the context) is built, and `extract` of the image becomes the context. */
  | { kind: 'dockerfile'; dockerfile: string; extract: string }
  /** `command` runs in a container of `image`, with the source at /project; `extract` of it becomes the context. */
  | { kind: 'image'; image: string; command: Command; extract: string; cache: readonly string[] };

export type PublishSpec = {
  to: 's3';
  /** File or directory in the new image. */
  copy: string;
  bucket: string;
  /** Key prefix, without slashes at its ends; may be empty. */
  bucketPath: string;
  /** Runs in a container of the image first; what it leaves is published. */
  command?: Command;
};

export const notifyChannels = ['github', 'slack', 'webhook', 'email'] as const;
export type NotifyChannel = (typeof notifyChannels)[number];

/** Which refs a webhook builds. */
export type Matching = { branches: readonly string[]; patterns: readonly string[]; tags: boolean };
