import { expect, test } from 'vitest';
import { containerBody } from '../../../../src/adapters/docker/container-body.js';
import { Secret } from '../../../../src/model/secret.js';
import type { ContainerSpec } from '../../../../src/ports.js';

type Body = { Entrypoint?: string[]; Cmd: string[]; HostConfig: Record<string, unknown> };

function bodyOf(
  change: Partial<ContainerSpec>,
  how: Partial<Parameters<typeof containerBody>[1]> = {},
): Body {
  const spec: ContainerSpec = {
    build: 'b1',
    image: 'base:1',
    environment: new Map(),
    secrets: new Map(),
    caches: new Map(),
    ...change,
  };
  return containerBody(spec, { limits: {}, engine: 'docker', ...how }) as Body;
}

test('a list runs without a shell, a string with one', () => {
  expect(bodyOf({ command: ['a', 'b c'] })).toMatchObject({ Entrypoint: ['a'], Cmd: ['b c'] });
  expect(bodyOf({ command: 'a $B' })).toMatchObject({ Entrypoint: ['/bin/sh'], Cmd: ['-c', 'a $B'] });
});

test("nothing of a secret's value is in what the engine keeps", () => {
  const secrets = new Map([['token', new Secret('hidden')]]);
  const body = bodyOf({ command: ['a', 'b'], secrets });
  expect(JSON.stringify(body)).not.toContain('hidden');
  expect(body).toMatchObject({ Cmd: ['a', 'b'], OpenStdin: true, StdinOnce: true });
  expect(body.HostConfig['Tmpfs']).toBeDefined();
  expect(bodyOf({ command: 'a' }).HostConfig['Tmpfs']).toBeUndefined();
});

test('limits hold with swap, and are none where the server has none', () => {
  const limits = { memory: 100_000_000, cpus: 1.5 };
  expect(bodyOf({}, { limits }).HostConfig).toMatchObject({
    Memory: 100_000_000,
    MemorySwap: 100_000_000,
    NanoCpus: 1_500_000_000,
  });
  expect(Object.keys(bodyOf({}).HostConfig)).not.toContain('Memory');
});

test('Podman is told process limits, without which it makes no container', () => {
  const names = (engine: 'docker' | 'podman') =>
    (bodyOf({}, { engine }).HostConfig['Ulimits'] as { Name: string }[] | undefined)?.map(({ Name }) => Name);
  expect(names('podman')).toEqual(['nofile', 'nproc']);
  expect(names('docker')).toBeUndefined();
});
