import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createClient } from '../../../../src/adapters/s3/client.js';
import { Secret } from '../../../../src/model/secret.js';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'buildbot-s3-'))));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

type Sent = { hostname: string; path: string; headers: Record<string, string> };

/** The request that would go out, caught before it does. */
async function requestOf(credential: Partial<Parameters<typeof createClient>[0]> = {}): Promise<Sent> {
  const client = createClient({ accessKeyId: 'CALLERS', secretAccessKey: new Secret('s'), ...credential });
  let sent: Sent | undefined;
  client.middlewareStack.add(
    () => (args) => {
      sent = (args as { request: unknown }).request as Sent;
      return Promise.reject(new Error('caught'));
    },
    { step: 'deserialize', priority: 'low' },
  );
  const put = client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a b', Body: 'x' }));
  await expect(put).rejects.toThrow('caught');
  return sent!;
}

/** Whoever reads one of these files waits for ever. */
function poisonMachine(): void {
  const [config, credentials] = [join(directory, 'config'), join(directory, 'credentials')];
  execFileSync('mkfifo', [config, credentials]);
  const poison = {
    AWS_CONFIG_FILE: config,
    AWS_SHARED_CREDENTIALS_FILE: credentials,
    AWS_PROFILE: 'machine',
    AWS_ACCESS_KEY_ID: 'MACHINES',
    AWS_SECRET_ACCESS_KEY: 'machine',
    AWS_SESSION_TOKEN: 'machine',
    AWS_REGION: 'eu-west-9',
    AWS_ENDPOINT_URL: 'http://machine.invalid',
    AWS_ENDPOINT_URL_S3: 'http://machine.invalid',
    AWS_USE_FIPS_ENDPOINT: 'true',
    AWS_USE_DUALSTACK_ENDPOINT: 'true',
    AWS_DEFAULTS_MODE: 'auto',
    AWS_MAX_ATTEMPTS: '1',
    AWS_SDK_UA_APP_ID: 'machine',
    AWS_AUTH_SCHEME_PREFERENCE: 'sigv4a',
    AWS_S3_DISABLE_EXPRESS_SESSION_AUTH: 'true',
  };
  for (const [name, value] of Object.entries(poison)) vi.stubEnv(name, value);
}

test("the machine's own environment, profile and endpoint have no part in it", async () => {
  const clean = await requestOf();
  poisonMachine();
  const { hostname, headers } = await requestOf();
  expect(hostname).toBe('bucket.s3.us-east-1.amazonaws.com');
  expect(headers['authorization']).toMatch(/Credential=CALLERS\/\d+\/us-east-1\/s3/);
  expect(Object.keys(headers).sort()).toEqual(Object.keys(clean.headers).sort());
  expect(JSON.stringify(headers)).not.toMatch(/machine/i);
});

test("the caller's region and session", async () => {
  const { hostname, headers } = await requestOf({ region: 'eu-west-1', sessionToken: new Secret('session') });
  expect(hostname).toBe('bucket.s3.eu-west-1.amazonaws.com');
  expect(headers['x-amz-security-token']).toBe('session');
});

test('a store with an endpoint of its own has the bucket in the path', async () => {
  const { hostname, path } = await requestOf({ endpoint: 'https://store.example:9000' });
  expect([hostname, path]).toEqual(['store.example', '/bucket/a%20b']);
});
