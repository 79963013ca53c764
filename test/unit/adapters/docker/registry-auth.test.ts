import { expect, test } from 'vitest';
import { registryAuth, registryConfig } from '../../../../src/adapters/docker/registry-auth.js';
import type { RegistryCredential } from '../../../../src/model/credentials.js';
import { Secret } from '../../../../src/model/secret.js';

const password = { kind: 'password', username: 'u', password: new Secret('p???>>>') } as const;
const token = { kind: 'identityToken', identityToken: new Secret('t') } as const;
const registries = new Map<string, RegistryCredential>([
  ['docker.io', password],
  ['r.example:5000', token],
]);

function decode(header: string): unknown {
  expect(header).toMatch(/^[\w-]+={0,2}$/);
  expect(header.length % 4).toBe(0);
  return JSON.parse(Buffer.from(header, 'base64url').toString());
}

test('a login goes to its registry, Docker Hub under its old name', () => {
  const hub = { username: 'u', password: 'p???>>>', serveraddress: 'https://index.docker.io/v1/' };
  expect(decode(registryAuth('docker.io', registries))).toEqual(hub);
  const other = { identitytoken: 't', serveraddress: 'r.example:5000' };
  expect(decode(registryAuth('r.example:5000', registries))).toEqual(other);
  expect(decode(registryAuth('elsewhere', registries))).toEqual({});
});

test('a build gets all of them', () => {
  expect(decode(registryConfig(registries))).toEqual({
    'https://index.docker.io/v1/': { username: 'u', password: 'p???>>>' },
    'r.example:5000': { identitytoken: 't' },
  });
});
