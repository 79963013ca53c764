import { describe, expect, it } from 'vitest';
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
