import { readFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { knownForges } from './known-forges.js';
import { Failure } from './model/errors.js';
import { parseDuration } from './model/quantity.js';
import { suggest } from './model/suggest.js';

export type Address = { host: string; port: number };

/** What the operator decided, read once and frozen. Durations in milliseconds. */
export type Config = Readonly<{
  authorizedKeys: { text: string; file: string | undefined };
  /** Text of the private key, or where it lies (and is made on the first start). */
  hostKey: { text: string | undefined; file: string };
  sshAddress: Address;
  dataDirectory: string;
  maxBuilds: number;
  maxQueued: number;
  maxTimeout: number;
  buildkit: 'auto' | 'yes' | 'no';
  allowFileRepositories: boolean;
  knownHosts: string;
  logLevel: string;
  drain: number;
  accessTtl: number;
}>;

type Setting = {
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
  { key: 'data-dir', fallback: '', help: 'caches and the host key; default $XDG_STATE_HOME/buildbot' },
  { key: 'max-builds', fallback: '', help: 'builds at once; default: the number of cores' },
  { key: 'max-queued', fallback: '64', help: 'builds that wait; one more is refused with exit 75' },
  { key: 'max-timeout', fallback: '2h', help: 'the longest that a build may take' },
  {
    key: 'engine',
    fallback: 'auto',
    choices: ['auto', 'docker'],
    help: 'auto and docker: the socket, or DOCKER_HOST',
  },
  { key: 'buildkit', fallback: 'auto', choices: ['auto', 'yes', 'no'], help: 'no: the classic builder' },
  { key: 'cache-limit', fallback: '20GB', help: 'source mirrors and build cache', planned: true },
  { key: 'build-memory', fallback: '', help: 'of each builder and test container', planned: true },
  { key: 'build-cpus', fallback: '', help: 'of each builder and test container', planned: true },
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

/** Reads the environment and the file that BUILDBOT_CONFIG names; the environment wins. Throws Failure CONFIG_INVALID. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const values = new Map([...fileValues(environment.BUILDBOT_CONFIG), ...environmentValues(environment)]);
  const given = (key: string) => values.get(key)?.text;
  const text = (key: string) => given(key) || settings.find((setting) => setting.key === key)!.fallback;
  for (const setting of settings) checkSetting(setting, given(setting.key));
  const dataDirectory =
    text('data-dir') || join(environment.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'buildbot');
  const hostKeyFile = values.get('host-key')?.file;
  return Object.freeze({
    authorizedKeys: { text: text('authorized-keys'), file: values.get('authorized-keys')?.file },
    hostKey: {
      text: hostKeyFile === undefined ? text('host-key') || undefined : undefined,
      file: hostKeyFile ?? join(dataDirectory, 'ssh_host_ed25519_key'),
    },
    sshAddress: parseAddress(text('ssh-address')),
    dataDirectory,
    maxBuilds: count('max-builds', text('max-builds') || String(availableParallelism()), 1),
    maxQueued: count('max-queued', text('max-queued'), 0),
    maxTimeout: duration('max-timeout', text('max-timeout')),
    buildkit: text('buildkit') as Config['buildkit'],
    allowFileRepositories: text('allow-file-repos') === 'yes',
    knownHosts: text('known-hosts') || knownForges,
    logLevel: text('log-level'),
    drain: duration('drain', text('drain')),
    accessTtl: duration('access-ttl', text('access-ttl')),
  });
}

type Value = { text: string; file?: string };

/** Variables that mean something to other parts: the file itself, a caller's document, the tests' lab. */
const NOT_SETTINGS = new Set(['BUILDBOT_CONFIG', 'BUILDBOT_CREDENTIALS', 'BUILDBOT_LAB']);

function* environmentValues(environment: NodeJS.ProcessEnv): Generator<[string, Value]> {
  // The seed's own name comes first, so that the new one wins.
  const seed = environment.SSH_PUBKEY_IN_INITIATE_BUILDS;
  if (seed) yield ['authorized-keys', { text: seed }];
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || !name.startsWith('BUILDBOT_') || NOT_SETTINGS.has(name)) continue;
    const key = name.slice('BUILDBOT_'.length).toLowerCase().replaceAll('_', '-');
    yield* settingValue(key, value, name);
  }
}

function* fileValues(file: string | undefined): Generator<[string, Value]> {
  if (!file) return;
  const document = parseYaml(file, readSettingFile(file, 'BUILDBOT_CONFIG'));
  for (const [key, value] of Object.entries(document)) {
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw invalid(`${file}: '${key}' must be a single value`);
    const text = typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
    yield* settingValue(key, text, `${file}: '${key}'`);
  }
}

function* settingValue(key: string, value: string, name: string): Generator<[string, Value]> {
  const known = (candidate: string) => settings.some((setting) => setting.key === candidate);
  const base = key.replace(/-file$/, '');
  if (known(key)) yield [key, { text: value }];
  else if (key === 'host-key-file') yield [base, { text: '', file: value }];
  else if (base !== key && known(base))
    yield [base, { text: readSettingFile(value, name).trim(), file: value }];
  else {
    const near = suggest(
      key,
      settings.map((setting) => setting.key),
    );
    throw invalid(`${name} is not a setting${near === undefined ? '' : `, did you mean '${near}'?`}`);
  }
}

function checkSetting({ key, choices, planned }: Setting, value: string | undefined): void {
  if (value === undefined || value === '') return;
  if (planned)
    throw new Failure('CONFIG_INVALID', `${variable(key)} is not supported yet`, { hint: 'leave it unset' });
  if (choices && !choices.includes(value)) {
    throw new Failure('CONFIG_INVALID', `${variable(key)} is '${value}'`, {
      hint: `it takes ${choices.join(', ')}`,
    });
  }
}

function parseYaml(file: string, text: string): Record<string, unknown> {
  try {
    const document: unknown = parse(text) ?? {};
    if (typeof document === 'object' && !Array.isArray(document)) return document as Record<string, unknown>;
  } catch (error) {
    throw invalid(`${file}: ${error instanceof Error ? error.message.split('\n')[0]! : 'it is not YAML'}`);
  }
  throw invalid(`${file}: it must be a list of 'key: value' lines`);
}

function readSettingFile(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`${name}: cannot read '${file}' (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535)
    throw invalid(`${variable('ssh-address')} is '${text}', write it like 0.0.0.0:2222 or [::]:2222`);
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}

function count(key: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= 100_000) return value;
  throw invalid(`${variable(key)} is '${text}', it must be a whole number of at least ${least}`);
}

function duration(key: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw invalid(`${variable(key)}: ${(error as Failure).message}`);
  }
}

function variable(key: string): string {
  return `BUILDBOT_${key.toUpperCase().replaceAll('-', '_')}`;
}

function invalid(message: string): Failure {
  return new Failure('CONFIG_INVALID', message);
}
