import { describe, expect, it } from 'vitest';
import { parseReference } from '../../../src/model/reference.js';
import { checkImages } from '../../../src/plan/permit-images.js';
import type { ProjectPlan } from '../../../src/plan/step.js';

const project = (...refs: string[]): ProjectPlan => ({
  ...{ project: 'app', name: 'app', added: [], steps: [], keep: true, notify: [] },
  refs: refs.map(parseReference),
});
const check =
  (patterns: string, ...refs: string[]) =>
  () =>
    checkImages(
      { images: patterns.split(' ') },
      { projects: [project('registry.example/app:1'), project(...refs)] },
    );

describe('permit-image', () => {
  it.each([
    ['registry.example/app', 'registry.example/app:2'],
    ['registry.example/app', 'REGISTRY.example:443/app:2'],
    ['registry.example/app registry.example/team/*', 'registry.example/team/a/b:1'],
    ['registry.example/app:1 other.example:5000/x:v*', 'other.example:5000/x:v2'],
    ['registry.example/* docker.io/library/redis', 'redis:7'],
    ['registry.example/* docker.io/team/*', 'team/app:7'],
    ['registry.example/* team/*', 'docker.io/team/app:7'],
    ['registry.example/* redis', 'docker.io/library/redis:7'],
    ['*', 'evil.example/app:1'],
    ['*.example/app', 'other.example/app:1'],
    ['*/* !registry.example/secret', 'registry.example/app:2'],
  ])('%s permits %s', (patterns, ref) => {
    expect(check(patterns, ref)).not.toThrow();
  });

  it.each([
    ['registry.example/app', 'registry.example/apple:1'],
    ['registry.example/app:1', 'registry.example/app:2'],
    ['registry.example/app', 'registry.example:5000/app:1'],
    ['registry.example/app', 'registry.example/team/app:1'],
    ['registry.example/app registry.example/team/*', 'evil.example/registry.example/team/x:1'],
    ['*.example/app', 'evil.com/x.example/app:1'],
    ['registry.example/app app*', 'apple.com/evil:1'],
    ['* !registry.example/secret', 'registry.example/secret:1'],
    ['* !registry.example/secret', 'Registry.example:443/secret:1'],
    ['* !registry.example/app:latest', 'registry.example/app:latest'],
    ['* !docker.io/library/redis', 'redis:1'],
  ])('%s does not permit %s', (patterns, ref) => {
    expect(check(patterns, ref)).toThrow("this key may not build '");
  });

  it('names the image and what is permitted', () => {
    expect(check('registry.example/app', 'registry.example/app:1', 'team/other:2')).toThrow(
      "this key may not build 'team/other:2' (project 'app'): its permit-image allows registry.example/app",
    );
  });
});
