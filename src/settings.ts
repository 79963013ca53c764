export type Setting = {
  /** As in the YAML file; the variable is `BUILDBOT_` and the same in capitals. */
  key: string;
  fallback: string;
  help: string;
  choices?: readonly string[];
  /** Its work is not built yet: refused, never ignored. */
  planned?: true;
};

/** Every setting, once: docs/reference/configuration.md is held equal to this table. */
export const settings: readonly Setting[] = [
  {
    key: 'authorized-keys',
    fallback: '',
    help: 'authorized_keys lines: who may build; as a file it is re-read when it changes',
  },
  {
    key: 'host-key',
    fallback: '',
    help: 'private ed25519 host key; default: made in the data directory on the first start',
  },
  { key: 'ssh-address', fallback: '0.0.0.0:2222', help: 'where SSH listens' },
  { key: 'http-address', fallback: '', help: 'where HTTP listens; off by default', planned: true },
  {
    key: 'public-url',
    fallback: '',
    help: 'page about a build that notifications link to, e.g. https://ci.example.com/builds/{id}',
  },
  {
    key: 'data-dir',
    fallback: '',
    help: 'caches and the host key; default $XDG_STATE_HOME/buildbot, /buildbot-work in the image',
  },
  { key: 'max-builds', fallback: '', help: 'builds at once; default: the number of cores' },
  {
    key: 'max-queued',
    fallback: '64',
    help: 'builds that wait; one more is refused with exit 75. A key of which nothing waits still gets one in, up to twice as many',
  },
  { key: 'max-timeout', fallback: '2h', help: 'the longest that a build may take' },
  {
    key: 'step-timeouts',
    fallback: 'source=30m,publish=30m,push=30m,notify=90s',
    help: 'the longest that single steps may take; steps that are not named keep what stands here, queue has max-timeout, and all others the time of the build',
  },
  {
    key: 'max-context',
    fallback: '4GB',
    help: 'bytes, unpacked, that a context on stdin may have',
  },
  {
    key: 'max-context-entries',
    fallback: '500000',
    help: 'files, directories and links that a context on stdin may have',
  },
  {
    key: 'engine',
    fallback: 'auto',
    choices: ['auto', 'docker', 'embedded'],
    help: 'docker: the socket, or DOCKER_HOST; embedded: a dockerd of its own; auto: the first that is there',
  },
  {
    key: 'engine-config',
    fallback: '',
    help: 'daemon.json of an embedded engine: mirrors, registries without TLS, dns, proxies',
  },
  { key: 'buildkit', fallback: 'auto', choices: ['auto', 'yes', 'no'], help: 'no: the classic builder' },
  {
    key: 'cache-limit',
    fallback: '20GB',
    help: 'source mirrors and build caches together; least recently used go first',
  },
  {
    key: 'engine-cache',
    fallback: 'auto',
    choices: ['auto', 'keep', 'collect'],
    help: "collect: BuildKit's cache counts too and is collected, for an engine that nobody else uses; auto: with an embedded engine",
  },
  { key: 'build-memory', fallback: '', help: 'memory of each builder and test container, e.g. 512m' },
  { key: 'build-cpus', fallback: '', help: 'CPUs of each builder and test container, e.g. 2 or 0.5' },
  {
    key: 'allow-file-repos',
    fallback: 'no',
    choices: ['yes', 'no'],
    help: 'allow file:// repositories of the machine itself',
  },
  {
    key: 'known-hosts',
    fallback: '',
    help: "known_hosts lines for all callers; default: the big forges' published keys",
  },
  {
    key: 'log-level',
    fallback: 'info',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    help: "of the server's own log",
  },
  { key: 'drain', fallback: '10m', help: 'how long running builds may go on after SIGTERM' },
  { key: 'access-ttl', fallback: '10m', help: 'how long an accepted credential opens the source cache' },
];
