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
