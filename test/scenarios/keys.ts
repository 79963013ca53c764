import { join } from 'node:path';
import { run } from './run.js';

/** A new key: its file, and its line for authorized_keys. `name` is its comment. */
export async function newKey(name: string): Promise<{ file: string; line: string }> {
  const directory = (await run('mktemp', ['-d'])).trim();
  const file = join(directory, name);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  return { file, line: (await run('cat', [`${file}.pub`])).trim() };
}
