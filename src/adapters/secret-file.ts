import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { placeFile } from './place-file.js';

const HEX = /^[0-9a-f]{64}$/;

/**
 * 32 random bytes that stay in `file` (0600), made where there are none. Safe when several runners start on one directory: the first
 * one's stay. Where they cannot be kept, the next call gives others: they are for what may be lost.
 */
export async function loadSecret(file: string): Promise<Buffer> {
  const fresh = randomBytes(32);
  try {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined && HEX.test(text)) return Buffer.from(text, 'hex');
    if (text !== undefined) await rm(file, { force: true }); // damaged
    await placeFile(file, fresh.toString('hex'));
    return Buffer.from(await readFile(file, 'utf8'), 'hex');
  } catch {
    return fresh;
  }
}
