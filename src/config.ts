import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { knownForges } from './known-forges.js';
import { Failure } from './model/errors.js';
import type { StepName } from './model/events.js';
import { parseSize } from './model/quantity.js';
import { suggest } from './model/suggest.js';
import {
  checkKnownHosts,
  parseAddress,
  count,
  duration,
  stepTimeouts,
  memory,
  quantity,
  cpus,
  jsonObject,
  pageUrl,
  variable,
  invalid,
  type Address,
} from './setting-values.js';
import { settings, type Setting } from './settings.js';

/** What the operator decided, read once and frozen. Durations in milliseconds. */
export type Config = Readonly<{
  authorizedKeys: { text: string; file: string | undefined };
  /** Text of the private key and where it is from; without a text, the file in which it lies and is made on the first start. */
  hostKey: { text: string | undefined; place: string };
  sshAddress: Address;
  dataDirectory: string;
  maxBuilds: number;
  maxQueued: number;
  maxTimeout: number;
  stepTimeouts: Readonly<Partial<Record<StepName, number>>>;
  engine: 'auto' | 'docker' | 'embedded';
  /** What an embedded engine's daemon.json has beside our own. */
  engineSettings: Readonly<Record<string, unknown>>;
  buildkit: 'auto' | 'yes' | 'no';
  allowFileRepositories: boolean;
  knownHosts: string;
  logLevel: string;
  drain: number;
  accessTtl: number;
  /** Bytes. */
  cacheLimit: number;
  /** `collect`: nobody else uses the engine, so what BuildKit keeps is the runner's to remove; `auto`: so with an engine of its own. */
  engineCache: 'auto' | 'keep' | 'collect';
  containers: { memory?: number; cpus?: number };
  /** What one `--context -` may have: bytes unpacked, and entries. */
  contexts: { bytes: number; entries: number };
  /** Of a page about a build, for notifications: `{id}` stands for the build's id. */
  publicUrl: string | undefined;
}>;

/** Files that a server alone reads: other commands go on where one is gone, or is not theirs to read. */
const OF_SERVERS = ['authorized-keys', 'host-key'];

/** Reads the environment and the file that BUILDBOT_CONFIG names; the environment wins. Throws Failure CONFIG_INVALID. */
export function readConfig(environment: NodeJS.ProcessEnv, { isServer = true } = {}): Config {
  const values = new Map([...fileValues(environment.BUILDBOT_CONFIG), ...environmentValues(environment)]);
  if (!isServer) for (const key of OF_SERVERS) values.delete(key);
  const texts = new Map(
    [...values].map(([key, value]) => [key, key === 'host-key' && isToBeMade(value) ? '' : textOf(value)]),
  );
  const given = (key: string) => texts.get(key);
  const text = (key: string) => given(key) || settings.find((setting) => setting.key === key)!.fallback;
  for (const setting of settings) checkSetting(setting, given(setting.key));
  const dataDirectory =
    text('data-dir') || join(environment.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'buildbot');
  return Object.freeze({
    authorizedKeys: { text: text('authorized-keys'), file: values.get('authorized-keys')?.file },
    hostKey: {
      text: text('host-key') || undefined,
      place: values.get('host-key')?.place ?? join(dataDirectory, 'ssh_host_ed25519_key'),
    },
    sshAddress: parseAddress(text('ssh-address')),
    dataDirectory,
    maxBuilds: count('max-builds', text('max-builds') || String(availableParallelism()), { least: 1 }),
    maxQueued: count('max-queued', text('max-queued'), { least: 0 }),
    maxTimeout: duration('max-timeout', text('max-timeout')),
    stepTimeouts: {
      queue: duration('max-timeout', text('max-timeout')),
      ...stepTimeouts(settings.find(({ key }) => key === 'step-timeouts')!.fallback),
      ...stepTimeouts(text('step-timeouts')),
    },
    engine: text('engine') as Config['engine'],
    engineSettings: jsonObject('engine-config', text('engine-config') || '{}'),
    buildkit: text('buildkit') as Config['buildkit'],
    allowFileRepositories: text('allow-file-repos') === 'yes',
    knownHosts: checkKnownHosts(text('known-hosts')) || knownForges,
    logLevel: text('log-level'),
    drain: duration('drain', text('drain')),
    accessTtl: duration('access-ttl', text('access-ttl')),
    cacheLimit: quantity('cache-limit', text('cache-limit'), parseSize),
    engineCache: text('engine-cache') as Config['engineCache'],
    contexts: {
      bytes: quantity('max-context', text('max-context'), parseSize),
      entries: count('max-context-entries', text('max-context-entries'), { least: 1, most: 100_000_000 }),
    },
    containers: {
      ...(text('build-memory') !== '' && {
        memory: memory('build-memory', text('build-memory')),
      }),
      ...(text('build-cpus') !== '' && { cpus: cpus(text('build-cpus')) }),
    },
    publicUrl: text('public-url') === '' ? undefined : pageUrl(text('public-url')),
  });
}

/** A text, or the file in which it stands; `place` is where it is from, for messages. */
type Value = { place: string } & ({ text: string; file?: undefined } | { file: string; name: string });

/** A first start makes the host key, also in a file that the operator names; a directory that is missing is a secret that was not mounted. */
function isToBeMade({ file }: Value): boolean {
  return file !== undefined && !existsSync(file) && existsSync(dirname(file));
}

function textOf(value: Value): string {
  return value.file === undefined ? value.text : readSettingFile(value.file, value.name).trim();
}

/** Variables that mean something to other parts: the file itself, a caller's document, the tests' lab. */
const NOT_SETTINGS = new Set(['BUILDBOT_CONFIG', 'BUILDBOT_CREDENTIALS', 'BUILDBOT_LAB']);

function* environmentValues(environment: NodeJS.ProcessEnv): Generator<[string, Value]> {
  // The seed's own name comes first, so that the new one wins.
  const seed = environment.SSH_PUBKEY_IN_INITIATE_BUILDS;
  if (seed) yield ['authorized-keys', { text: seed, place: 'SSH_PUBKEY_IN_INITIATE_BUILDS' }];
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || !name.startsWith('BUILDBOT_') || NOT_SETTINGS.has(name)) continue;
    const key = name.slice('BUILDBOT_'.length).toLowerCase().replaceAll('_', '-');
    for (const [setting, found] of settingValue(key, value, name)) {
      // An empty variable is what compose files write for one that is not set.
      if (value === '') continue;
      if (seen.has(setting))
        throw invalid(`${variable(setting)} is given twice, as itself and as ${variable(setting)}_FILE`);
      seen.add(setting);
      yield [setting, found];
    }
  }
}

function* fileValues(file: string | undefined): Generator<[string, Value]> {
  if (!file) return;
  const document = parseYaml(file, readSettingFile(file, 'BUILDBOT_CONFIG'));
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(document)) {
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw invalid(`${file}: '${key}' must be a single value`);
    const text = typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
    for (const [setting, found] of settingValue(key, text, `${file}: '${key}'`)) {
      if (seen.has(setting))
        throw invalid(`${file}: '${setting}' is given twice, as itself and as '${setting}-file'`);
      seen.add(setting);
      yield [setting, found];
    }
  }
}

function* settingValue(key: string, value: string, name: string): Generator<[string, Value]> {
  const known = (candidate: string) => settings.some((setting) => setting.key === candidate);
  const base = key.replace(/-file$/, '');
  if (value === '' && known(base)) return;
  if (known(key)) yield [key, { text: value, place: name }];
  else if (base !== key && known(base)) yield [base, { file: value, name, place: value }];
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
