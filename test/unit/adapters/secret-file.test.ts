import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSecret } from '../../../src/adapters/secret-file.js';

test('all who come first get one secret, which is private and stays until it is damaged', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'secret-'));
  const file = join(directory, 'data', 'secret');
  const given = await Promise.all([1, 2, 3, 4].map(() => loadSecret(file)));
  expect(new Set(given.map((secret) => secret.toString('hex'))).size).toBe(1);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(directory, 'data'))).toEqual(['secret']);
  await writeFile(file, 'short');
  const next = await loadSecret(file);
  expect(next).not.toEqual(given[0]);
  expect(await loadSecret(file)).toEqual(next);
  expect(await loadSecret('/dev/null/secret')).toHaveLength(32);
  await rm(directory, { recursive: true });
});
