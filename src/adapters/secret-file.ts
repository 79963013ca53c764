import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { placeFile } from './place-file.js';

const HEX = /^[0-9a-f]{64}$/;

/**
 * 32 random bytes that stay in `file` (0600), made where there are none. Safe when several runners start on one directory: the first
 * one's stay. Where they cannot be kept, the next call gives others: they are for what may be lost.
 */
export async function loadSecret(file: string): Promise<Buffer> {
  const found = await readSecret(file);
  if (found !== undefined) return found;
  const fresh = randomBytes(32);
  try {
    await rm(file, { force: true }); // one that is damaged
    await placeFile(file, fresh.toString('hex'));
  } catch {
    return fresh;
  }
  return (await readSecret(file)) ?? fresh;
}

async function readSecret(file: string): Promise<Buffer | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
}
