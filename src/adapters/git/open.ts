import { dateEntries } from '../vcs/dates.js';
import type { LargeFileAccess } from './lfs/fetch.js';
import { createConnect, type Connect, type Connection, type ConnectionSettings } from './connection.js';
import { localEnvironment } from './environment.js';
import { resolveRevision } from './resolve.js';
import { openSnapshot, type Snapshot } from './snapshot.js';
import { createLimit } from './submodules/limit.js';
import { withSubmodules } from './submodules/open.js';

export type { GitServer } from './connection.js';

/** One call for one revision. */
export type Fetching = ConnectionSettings & {
  /** Ends what is under way for this call. */
  abandon: (reason: unknown) => void;
};

/** Submodules that are fetched at a time. */
const SIDE_BY_SIDE = 4;

/** Milliseconds for which the git of the main repository waits: its files are read right after its tree. Of submodules there may be hundreds. */
const IDLE = 1_000;

/** Finds the revision that was asked for and opens its tree, with submodules and LFS as the request wants them. */
export async function openRevision(fetching: Fetching): Promise<Snapshot> {
  const { request, main, options, scratch, io, abandon } = fetching;
  const connect = createConnect(fetching);
  const connection = await connect(main);
  const { id, ...name } = await resolveRevision(request.revision, { ...connection, signal: io.signal });
  const environment = localEnvironment(options.environment, scratch);
  const opening = { fetching, connect, environment };
  const open = (id: string, from: Connection): Promise<Snapshot> =>
    openCommit(id, from, { ...opening, idle: 0 });
  const snapshot = await withSubmodules(
    await openCommit(id, connection, { ...opening, idle: IDLE }),
    { connection, prefix: '', depth: 0 },
    {
      ...{ connect, open, abandon, environment, ...io },
      choice: request.submodules,
      limit: createLimit(SIDE_BY_SIDE),
      opened: { count: 0 },
    },
  );
  await dateEntries(await snapshot.tree.entries(), connection.mirror.datesFile);
  return { ...snapshot, revision: { ...snapshot.revision, ...name } };
}

type Opening = { fetching: Fetching; connect: Connect; environment: NodeJS.ProcessEnv; idle: number };

async function openCommit(id: string, connection: Connection, opening: Opening): Promise<Snapshot> {
  const { mirror, remote, scratch } = connection;
  const { request, io } = opening.fetching;
  const { signal } = io;
  const held = await mirror.obtain(id, remote, signal);
  const { environment, idle } = opening;
  const large = request.lfs === 'no' ? {} : { large: largeFiles(connection, opening) };
  return await openSnapshot(held, { mirror, remote, scratch, environment, signal, idle, ...large });
}

function largeFiles(
  { repository, remote, mirror, scratch }: Connection,
  { fetching, connect, environment }: Opening,
): LargeFileAccess {
  return {
    repository,
    objects: mirror.largeObjects,
    alone: mirror.aloneWithLargeObjects,
    remoteOf: async (url) => (url === undefined ? remote : (await connect(url)).remote),
    scratch,
    environment,
    signal: fetching.io.signal,
  };
}
