import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { engineCan } from '../../scenarios/engine.js';

test('docs/podman.md has each difference that the scenarios make', async () => {
  const page = await readFile('docs/podman.md', 'utf8');
  const listed = [...page.matchAll(/^\| `(?!engineCan)(\w+)` \|/gm)].map(([, name]) => name);
  expect(listed).toEqual(Object.keys(engineCan));
});
