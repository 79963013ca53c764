import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.js';

describe('public-url', () => {
  const read = (url: string) => readConfig({ BUILDBOT_DATA_DIR: '/d', BUILDBOT_PUBLIC_URL: url }).publicUrl;

  it('is a page of a build, and none by default', () => {
    expect(read('https://ci.example/builds/{id}')).toBe('https://ci.example/builds/{id}');
    expect(read('http://localhost:8080/?build={id}')).toBe('http://localhost:8080/?build={id}');
    expect(read('')).toBeUndefined();
  });

  it.each([
    'https://ci.example/builds',
    'ci.example/{id}',
    'javascript:alert({id})',
    'https://{id}.ci.example/',
    'https://user:password@ci.example/{id}',
    'https://ci.example/{id} \n',
  ])('is not %j', (url) => {
    expect(() => read(url)).toThrow(
      /^BUILDBOT_PUBLIC_URL is .*, write it like https:\/\/ci\.example\.com\/builds\/\{id\}$/s,
    );
  });
});

describe('step-timeouts', () => {
  const read = (text: string) =>
    readConfig({ BUILDBOT_DATA_DIR: '/d', BUILDBOT_MAX_TIMEOUT: '3h', BUILDBOT_STEP_TIMEOUTS: text })
      .stepTimeouts;
  const fallback = {
    queue: 10_800_000,
    source: 1_800_000,
    publish: 1_800_000,
    push: 1_800_000,
    notify: 90_000,
  };

  it('adds to what there is', () => {
    expect(read('')).toEqual(fallback);
    expect(read('push=1h, test=5m,queue=20m')).toEqual({
      ...fallback,
      push: 3_600_000,
      test: 300_000,
      queue: 1_200_000,
    });
  });

  it.each(['push', 'pull=1h', 'push=soon', 'push=0', 'push=1h,push=2h', 'push=1h,,', 'toString=1h'])(
    'is not %j',
    (text) => {
      expect(() => read(text)).toThrow(/^BUILDBOT_STEP_TIMEOUTS/);
    },
  );
});

describe('settings in files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'config-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const read = (environment: Record<string, string>, options = {}) =>
    readConfig({ BUILDBOT_DATA_DIR: '/d', ...environment }, options);

  it.each([
    ['AUTHORIZED_KEYS', 'gone'],
    ['HOST_KEY', 'gone/key'],
  ])('%s that are gone keep a server, and nothing else, from its start', (name, path) => {
    const gone = { [`BUILDBOT_${name}_FILE`]: join(directory, path) };
    expect(() => read(gone)).toThrow(
      `BUILDBOT_${name}_FILE: cannot read '${join(directory, path)}' (ENOENT)`,
    );
    expect(read(gone, { isServer: false }).dataDirectory).toBe('/d');
  });

  it('a host key is that of the data directory, or what was given', () => {
    expect(read({}).hostKey).toEqual({ text: undefined, place: '/d/ssh_host_ed25519_key' });
    expect(read({ BUILDBOT_HOST_KEY: 'k' }).hostKey).toEqual({ text: 'k', place: 'BUILDBOT_HOST_KEY' });
    const place = file('key', 'k\n');
    expect(read({ BUILDBOT_HOST_KEY_FILE: place }).hostKey).toEqual({ text: 'k', place });
    // Made on the first start.
    const fresh = join(directory, 'fresh');
    expect(read({ BUILDBOT_HOST_KEY_FILE: fresh }).hostKey).toEqual({ text: undefined, place: fresh });
  });

  it('are given once', () => {
    const keys = file('keys', 'k');
    const both = `authorized-keys: k\nauthorized-keys-file: ${keys}\n`;
    expect(() => read({ BUILDBOT_CONFIG: file('both.yml', both) })).toThrow(
      /both\.yml: 'authorized-keys' is given twice, as itself and as 'authorized-keys-file'$/,
    );
    expect(() => read({ BUILDBOT_HOST_KEY: 'k', BUILDBOT_HOST_KEY_FILE: keys })).toThrow(
      'BUILDBOT_HOST_KEY is given twice, as itself and as BUILDBOT_HOST_KEY_FILE',
    );
  });
});

it('build-memory is what an engine takes', () => {
  const read = (text: string) => readConfig({ BUILDBOT_DATA_DIR: '/d', BUILDBOT_BUILD_MEMORY: text });
  expect(read('6m').containers.memory).toBe(6 * 2 ** 20);
  expect(() => read('1')).toThrow("BUILDBOT_BUILD_MEMORY is '1', it must be at least 6m");
});

it.each(['0', '100001', 'many'])('max-builds is not %j', (text) => {
  expect(() => readConfig({ BUILDBOT_DATA_DIR: '/d', BUILDBOT_MAX_BUILDS: text })).toThrow(
    `BUILDBOT_MAX_BUILDS is '${text}', it must be a whole number of at least 1 and at most 100000`,
  );
});
