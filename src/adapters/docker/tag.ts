import { Failure } from '../../model/errors.js';
import type { ImageReference } from '../../model/reference.js';
import type { EngineDescription } from '../../ports.js';
import type { Connection } from './connection.js';
import { forgive, givingBack, owe, removing } from './debts.js';
import { DEADLINE, withPatience } from './deadline.js';
import { engineFailure } from './engine-failure.js';
import { addName, engineName, removeName } from './images.js';
import { forget, type LendingNotes } from './lendings.js';
import type { NameLock } from './name-lock.js';
import { podmanUntag } from './podman-untag.js';

/** Names `source` also `target`, when no push uses that name. */
export async function tagImage(
  connection: Connection,
  { source, target, signal }: { source: string; target: ImageReference; signal?: AbortSignal | undefined },
  { withName, notes }: { withName: NameLock; notes: LendingNotes },
): Promise<void> {
  const name = engineName(target);
  const patience = AbortSignal.timeout(DEADLINE);
  const turn = { name, signal: signal ? AbortSignal.any([signal, patience]) : patience };
  const tag = async () => {
    const naming = (cut: AbortSignal) => addName(connection, { image: source, name: target }, cut);
    await withPatience(connection, naming, { signal });
    // Before the turn is over: a removal that waits for its own looks then whether it is still owed.
    for (const what of [removing(name), givingBack(name)]) forgive(connection, what);
    // Of runners that died, too: their sweep would take the name away where it is the same image.
    for (const { file } of await notes.left(name)) await forget(file);
  };
  try {
    await withName(turn, tag);
  } catch (error) {
    signal?.throwIfAborted();
    if (error !== patience.reason) throw engineFailure(connection, `name an image ${name}`, error);
    const message = `${name} is in use by another build, for longer than ${DEADLINE / 1000} s`;
    throw new Failure('ENGINE_FAILED', message, {
      transient: true,
      hint: 'try again when that build has pushed or named it',
    });
  }
}

/** Removes a name; the image too when it was its last one, unless that is the engine's cache. Safe twice. */
export async function untagImage(
  connection: Connection,
  {
    engine,
    name,
    signal,
  }: { engine: EngineDescription['name'] | undefined; name: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const remove = engine === 'podman' ? podmanUntag : removeName;
  const removal = (cut: AbortSignal) => remove(connection, name, cut);
  const what = removing(name);
  try {
    await withPatience(connection, removal, { signal });
  } catch (error) {
    owe(connection, what, removal);
    throw engineFailure(connection, what, error);
  }
}
