import { expect, test } from 'vitest';
import { solveVerdict } from '../../../../src/adapters/buildkit/verdict.js';
import type { Vertex } from '../../../../src/adapters/buildkit/trace.js';

function vertex(name: string, change: Partial<Vertex> = {}): Vertex {
  return { digest: name, name, cached: false, started: 1, completed: 2, error: '', ...change };
}

function verdictOn(...vertexes: Vertex[]) {
  const verdict = solveVerdict();
  const warnings = verdict.observe({ vertexes, statuses: [], logs: [], warnings: [] });
  return { verdict, warnings };
}

const definition = vertex('[internal] load build definition from Dockerfile');
const from = vertex('[1/2] FROM docker.io/library/a');

test('cached are builds whose instructions all came from the cache', () => {
  const cached = vertex('[2/2] RUN x', { cached: true });
  expect(verdictOn(definition, from, cached).verdict.cached()).toBe(true);
  expect(verdictOn(cached, vertex('[linux/arm64 two 3/3] COPY a b')).verdict.cached()).toBe(false);
});

test.each([
  ['[2/2] RUN x', 'executor failed running [/bin/sh -c x]: exit code: 7', 'DOCKERFILE_FAILED', 7],
  ['[2/2] COPY a b', '"/a" not found: not found', 'DOCKERFILE_FAILED', undefined],
  ['[internal] load metadata for r.example/a:1', 'not found', 'BASE_IMAGE_UNAVAILABLE', undefined],
  ['[stage 1/2] FROM r.example/a:1@sha256:0', 'unexpected status 500', 'BASE_IMAGE_UNAVAILABLE', undefined],
  ['resolve image config for docker.io/docker/dockerfile:1', 'x', 'BASE_IMAGE_UNAVAILABLE', undefined],
  ['exporting to image', 'write /x: no space left on device', 'DISK_FULL', undefined],
  ['[2/2] COPY a b', 'failed to copy files: write /a: no space left on device', 'DISK_FULL', undefined],
  ['[1/2] FROM docker.io/a', 'failed to register layer: no space left on device', 'DISK_FULL', undefined],
  [
    '[2/2] RUN x',
    'process "/bin/sh -c echo : no space left on device" did not complete successfully: exit code: 1',
    'DOCKERFILE_FAILED',
    1,
  ],
])('%s that fails', (...[name, error, code, commandExitCode]) => {
  const cancelled = vertex('[3/3] RUN y', { error: 'context canceled' });
  const failure = verdictOn(definition, vertex(name, { error }), cancelled).verdict.failure(error);
  expect(failure).toMatchObject({ code, commandExitCode });
});

test('without a step that failed it is the Dockerfile, once the engine had it', () => {
  const message = 'failed to solve with frontend dockerfile.v0: unknown instruction: FLY';
  expect(verdictOn(definition).verdict.failure(message).code).toBe('DOCKERFILE_INVALID');
  expect(verdictOn().verdict.failure('no active session').code).toBe('ENGINE_FAILED');
});

test('a cache that cannot be read is a warning', () => {
  const { warnings, verdict } = verdictOn(
    definition,
    vertex('importing cache manifest from r/a:1', { error: 'gone' }),
  );
  expect(warnings).toEqual(['the cache r/a:1 cannot be read: gone']);
  expect(verdict.failure('x').code).toBe('DOCKERFILE_INVALID');
});
