import { readFile } from 'node:fs/promises';
import { placesOf } from './places.js';

/** How the engine of a runner with this data directory is, as what follows "the engine of this runner". Never rejects. */
export async function embeddedStatus(dataDirectory: string): Promise<string> {
  return readFile(placesOf(dataDirectory).state, 'utf8').catch(
    () => 'does not run: buildbot serve starts it',
  );
}
