import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  formatMemory,
  formatSize,
  parseDuration,
  parseSize,
} from '../../../src/model/quantity.js';
import { canonicalHost, formatReference, isDockerHub, parseReference } from '../../../src/model/reference.js';
import { catalogue } from '../../../src/model/errors.js';
import { statusOf, statuses } from '../../../src/model/result.js';

it.each(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'https://index.docker.io/v1/'])(
  '%s is Docker Hub',
  (host) => {
    expect(isDockerHub(host)).toBe(true);
    expect(canonicalHost(host)).toBe('docker.io');
  },
);

it('other registries are their own', () => {
  expect(isDockerHub('docker.io.example')).toBe(false);
  expect(canonicalHost('registry.example:5000')).toBe('registry.example:5000');
});

describe('parseReference', () => {
  it.each([
    ['app', 'docker.io', 'library/app', undefined, 'app'],
    ['team/app:1', 'docker.io', 'team/app', '1', 'team/app:1'],
    ['docker.io/app', 'docker.io', 'library/app', undefined, 'app'],
    ['localhost/app', 'localhost', 'app', undefined, 'localhost/app'],
    [
      'registry.example:5000/a/b/c:v1.2-x_y',
      'registry.example:5000',
      'a/b/c',
      'v1.2-x_y',
      'registry.example:5000/a/b/c:v1.2-x_y',
    ],
    ['[::1]:5000/a', '[::1]:5000', 'a', undefined, '[::1]:5000/a'],
    [`app@sha256:${'0'.repeat(64)}`, 'docker.io', 'library/app', undefined, `app@sha256:${'0'.repeat(64)}`],
  ])('%s', (text, registry, repository, tag, shortest) => {
    const reference = parseReference(text);
    expect(reference).toMatchObject({ registry, repository });
    expect(reference.tag).toBe(tag);
    expect(formatReference(reference)).toBe(shortest);
  });

  it.each([
    '',
    'App',
    'a//b',
    'a:',
    'a: b',
    'a:-x',
    'registry.example:x/a',
    'registry.example:05000/a',
    'registry.example:500000/a',
    'a@sha256:1',
    `a:${'x'.repeat(129)}`,
    '-a',
    'a/-b',
    'a b',
    `${'a/'.repeat(130)}a`,
  ])('refuses %.40j', (text) => expect(() => parseReference(text)).toThrow());
});

describe('quantities', () => {
  it('reads durations and sizes', () => {
    expect(['90', '90s', '1h30m', '500ms', '2d'].map(parseDuration)).toEqual([
      90_000, 90_000, 5_400_000, 500, 172_800_000,
    ]);
    expect(['5', '64m', '1.5GiB', '20GB', '3kb'].map(parseSize)).toEqual([
      5,
      2 ** 26,
      1.5 * 2 ** 30,
      20 * 2 ** 30,
      3072,
    ]);
    expect([350, 4200, 125_000, 3_720_000].map(formatDuration)).toEqual(['350ms', '4.2s', '2m05s', '1h02m']);
  });
  it('writes what is nearly a unit more as that', () => {
    expect([999.6, 59_970].map(formatDuration)).toEqual(['1.0s', '1m00s']);
    expect([0, 999_600, 20_500_000].map(formatSize)).toEqual(['0B', '1MB', '20.5MB']);
    expect([1_048_166, 512 * 2 ** 20].map(formatMemory)).toEqual(['1 MB', '512 MB']);
  });
  it.each(['', 'x', '5x', '-1', '1 h', '1.5h'])('refuses the duration %j', (text) =>
    expect(() => parseDuration(text)).toThrow(),
  );
});

describe('the catalogue', () => {
  it('uses only the exit codes of the contract, each with its status', () => {
    const codes = new Set(Object.values(catalogue).map(({ exit }) => exit));
    expect([...codes].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 69, 70, 75, 124, 130]);
    expect([...new Set([0, ...codes].map(statusOf))].toSorted()).toEqual([...statuses].toSorted());
  });
});
