/** Every flag of every command, once: parsing, help and docs/reference/flags.md come from this table. */
export type Flag = {
  name: string;
  short?: string;
  /** Placeholder of the value in the help; absent for a switch. */
  value?: string;
  repeatable?: true;
  /** The values that are accepted, where it is a fixed set. */
  choices?: readonly string[];
  help: string;
  /** Its value is never shown. */
  secret?: true;
  /** It has no say in what is made, but in how a build runs or who may: receipts leave it out. */
  unsigned?: true;
};

/** Placeholder of a value that is a command to run. */
export const COMMAND = 'CMD';

export type FlagGroup = { title: string; flags: readonly Flag[] };

const TRI = ['auto', 'yes', 'no'] as const;

export const buildFlags: readonly FlagGroup[] = [
  {
    title: 'Source',
    flags: [
      {
        name: 'repo',
        value: 'URL',
        help: 'repository: ssh://, git@host:path, https://, http:// (file:// where the server allows it); hg+ in front, or ssh://hg@: Mercurial',
      },
      { name: 'vcs', value: 'git|hg', choices: ['git', 'hg'], help: 'where the URL does not tell' },
      {
        name: 'revision',
        value: 'REV',
        help: "commit id (full or short), branch, bookmark or tag; default: the remote's default branch",
      },
      {
        name: 'context',
        value: '-',
        choices: ['-'],
        help: 'instead of --repo: a tar stream (plain, gzip or zstd) on stdin',
      },
      { name: 'context-path', value: 'DIR', help: 'directory inside the source' },
      { name: 'file', short: 'f', value: 'FILE', help: 'Dockerfile, relative to the context' },
      {
        name: 'submodules',
        value: 'auto|yes|no',
        choices: TRI,
        help: 'default auto: when the source has some',
      },
      {
        name: 'lfs',
        value: 'auto|yes|no',
        choices: TRI,
        help: 'default auto: when the source uses it',
      },
      {
        name: 'project',
        value: 'NAME',
        repeatable: true,
        help: 'which project(s) of build.yml, or which Dockerfile_NAME; default all',
      },
      {
        name: 'service-id',
        value: 'NAME',
        help: 'of function61/buildbot: as --project, and the name of the project where there is no build.yml',
      },
      {
        name: 'known-hosts',
        value: '-',
        choices: ['-'],
        unsigned: true,
        help: 'read known_hosts lines from stdin',
      },
      { name: 'accept-new-host-key', help: 'trust a host key of the forge that is seen for the first time' },
    ],
  },
  {
    title: 'Image',
    flags: [
      { name: 'image', value: 'NAME', help: 'image name, registry included, without a tag' },
      {
        name: 'tag',
        short: 't',
        value: 'TAG',
        repeatable: true,
        help: 'a tag of --image, or a full reference; default: the commit id',
      },
      { name: 'build-arg', value: 'K=V', repeatable: true, help: 'value of an ARG' },
      { name: 'target', value: 'STAGE', help: 'stage of the Dockerfile to build' },
      { name: 'platform', value: 'OS/ARCH', help: 'e.g. linux/arm64' },
      { name: 'label', value: 'K=V', repeatable: true, help: 'label of the image' },
      { name: 'no-cache', help: "do not use the engine's cache" },
      { name: 'pull', help: 'always ask the registry for newer base images' },
      {
        name: 'network',
        value: 'MODE',
        help: 'network of RUN: default, none (then containers have none, too) or host',
      },
      { name: 'add-host', value: 'HOST:IP', repeatable: true, help: 'an entry of /etc/hosts for RUN' },
      { name: 'shm-size', value: 'SIZE', help: 'size of /dev/shm for RUN (classic builder)' },
      {
        name: 'ulimit',
        value: 'NAME=SOFT[:HARD]',
        repeatable: true,
        help: 'limit for RUN (classic builder)',
      },
      {
        name: 'secret',
        value: 'id=NAME',
        repeatable: true,
        help: 'RUN --mount=type=secret,id=NAME gets secrets.NAME of the credentials document',
      },
      {
        name: 'ssh',
        value: 'default',
        choices: ['default'],
        help: "the caller's forwarded agent in RUN --mount=type=ssh",
      },
      {
        name: 'cache-from',
        value: 'type=registry,ref=REF',
        repeatable: true,
        help: 'use the cache that an image carries',
      },
      { name: 'cache-to', value: 'type=inline', repeatable: true, help: 'embed the cache in the image' },
    ],
  },
  {
    title: 'Builder container, test, publish',
    flags: [
      {
        name: 'builder-image',
        value: 'IMG',
        help: 'run the build in a container of IMG first',
      },
      { name: 'builder-command', value: COMMAND, help: 'what runs in it' },
      { name: 'extract', value: 'PATH', help: 'what of it becomes the build context' },
      {
        name: 'builder-cache',
        value: 'PATH',
        repeatable: true,
        help: 'a directory in it that is kept for the next build of the repository with the same key',
      },
      {
        name: 'test',
        value: COMMAND,
        repeatable: true,
        help: 'run in a container of the new image before anything is pushed',
      },
      {
        name: 'publish',
        value: 's3://BUCKET/PREFIX=PATH',
        repeatable: true,
        help: 'upload PATH from the new image',
      },
    ],
  },
  {
    title: 'Delivery',
    flags: [
      { name: 'push', unsigned: true, help: 'push the image (the default)' },
      { name: 'no-push', unsigned: true, help: 'leave the image in the engine' },
      {
        name: 'push-retry',
        value: 'N',
        unsigned: true,
        help: 'further tries after a transient error; default 5',
      },
    ],
  },
  {
    title: 'Run',
    flags: [
      {
        name: 'timeout',
        value: '30m',
        unsigned: true,
        help: 'for the whole build; the server has a maximum',
      },
      {
        name: 'on-disconnect',
        value: 'cancel|detach|grace=60s',
        unsigned: true,
        help: 'what happens when you go away; default cancel',
      },
      {
        name: 'on-failure',
        value: 'exit|shell',
        choices: ['exit', 'shell'],
        unsigned: true,
        help: 'shell: look around where it failed (ssh -t); default exit',
      },
      {
        name: 'output',
        value: 'human|json|result',
        choices: ['human', 'json', 'result'],
        unsigned: true,
        help: 'log for people, one event per line, or the result alone',
      },
      {
        name: 'progress',
        value: 'auto|plain|tty',
        choices: ['auto', 'plain', 'tty'],
        unsigned: true,
        help: 'how human output is drawn; auto: tty in a terminal (ssh -t)',
      },
      {
        name: 'id',
        value: 'ID',
        unsigned: true,
        help: 'your name for the build: letters, digits, . _ -, at most 64',
      },
    ],
  },
  {
    title: 'Credentials',
    flags: [
      {
        name: 'credentials',
        value: '-',
        choices: ['-'],
        unsigned: true,
        help: 'read the credentials document (YAML or JSON) from stdin',
      },
      {
        name: 'repo-auth-key',
        value: 'BASE64',
        secret: true,
        help: 'private key for the repository (visible to others on your machine: prefer --credentials)',
      },
      {
        name: 'docker-login-cmd',
        value: COMMAND,
        secret: true,
        repeatable: true,
        help: '"docker login -u U -p P HOST", parsed, never run (visible to others: prefer --credentials)',
      },
      {
        name: 'docker-login-cache',
        value: 'X',
        unsigned: true,
        help: 'accepted and ignored: no login is kept',
      },
    ],
  },
];
