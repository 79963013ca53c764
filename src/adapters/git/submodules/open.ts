import { Failure } from '../../../model/errors.js';
import { parseRepositoryUrl, type RepositoryUrl } from '../../../model/repository.js';
import type { Choice } from '../../../model/request.js';
import type { Tree } from '../../../model/tree.js';
import type { Emit, StepEvent } from '../../../model/events.js';
import type { Connect, Connection } from '../connection.js';
import { MAX_ENTRIES, type Gitlink } from '../listing.js';
import type { Snapshot } from '../snapshot.js';
import { isHostileName, readModules, type Module } from './gitmodules.js';
import type { Limit } from './limit.js';
import { mountTrees } from './mount.js';
import { resolveRelativeUrl } from './relative-url.js';

const MAX_DEPTH = 10;
/** Nested ones can be many more than anybody wrote down. */
const MAX_SUBMODULES = 500;

export type SubmoduleContext = {
  choice: Choice;
  connect: Connect;
  /** Opens one commit of one repository, without its submodules. */
  open: (id: string, connection: Connection) => Promise<Snapshot>;
  limit: Limit;
  /** Ends what is under way for this build. */
  abandon: (reason: unknown) => void;
  opened: { count: number };
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
  emit: Emit<StepEvent>;
};

/** `prefix`: where the tree lies in the whole one, empty or ended by a slash. */
type Level = { connection: Connection; prefix: string; depth: number };

/**
 * Takes over `snapshot` and puts the trees of its submodules, and of theirs, into it. Rejects with a Failure that
 * names the submodule.
 */
export async function withSubmodules(
  snapshot: Snapshot,
  level: Level,
  context: SubmoduleContext,
): Promise<Snapshot> {
  if (context.choice === 'no' || snapshot.gitlinks.length === 0) return snapshot;
  const opened: Snapshot[] = [snapshot];
  const close = async (): Promise<void> => void (await Promise.all(opened.map((one) => one.close())));
  try {
    const mounts = new Map<string, Tree>();
    const places = await findPlaces(snapshot, level, context);
    await together(context, places, async (place) => {
      const below = await openSubmodule(place, level.depth + 1, context);
      opened.push(below);
      mounts.set(place.gitlink.path, below.tree);
    });
    const tree = mountTrees(snapshot.tree, mounts);
    await checkSize(tree);
    return { ...snapshot, tree, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the commit of a gitlink comes from; `path` is that in the whole tree. */
type Place = { gitlink: Gitlink; path: string; repository: RepositoryUrl };

async function findPlaces(
  { tree, gitlinks }: Snapshot,
  { connection, prefix, depth }: Level,
  context: SubmoduleContext,
): Promise<Place[]> {
  context.opened.count += gitlinks.length;
  if (depth >= MAX_DEPTH || context.opened.count > MAX_SUBMODULES) {
    const what = depth >= MAX_DEPTH ? `nested more than ${MAX_DEPTH} deep` : `more than ${MAX_SUBMODULES}`;
    throw new Failure('SOURCE_FAILED', `'${prefix}${gitlinks[0]!.path}': submodules are ${what}`, {
      hint: '--submodules no leaves them out',
    });
  }
  const { environment, signal } = context;
  const modules = await readModules(tree, {
    ...{ environment, directory: connection.scratch, signal },
    name: `${prefix}.gitmodules`,
  });
  const places: Place[] = [];
  for (const gitlink of gitlinks) {
    const path = prefix + gitlink.path;
    const module = modules.get(gitlink.path);
    if (module?.update === 'none') continue; // as `git clone --recurse-submodules` leaves it
    if (module?.url === undefined) await unnamed(path, context);
    else places.push({ gitlink, path, repository: repositoryOf({ ...module, path }, connection) });
  }
  return places;
}

async function unnamed(path: string, { choice, emit }: SubmoduleContext): Promise<void> {
  const message = `the submodule '${path}' has no URL in .gitmodules`;
  if (choice === 'yes')
    throw new Failure('SOURCE_FAILED', message, { hint: '--submodules auto leaves its directory empty' });
  await emit({ type: 'warning', message: `${message}: its directory is empty` });
}

function repositoryOf({ name, path, url = '' }: Module, { repository }: Connection): RepositoryUrl {
  const refuse = (why: string): never => {
    throw new Failure('SOURCE_FAILED', `submodule '${path}': ${why}`, {
      hint: 'correct .gitmodules, or leave submodules out with --submodules no',
    });
  };
  if (isHostileName(name)) refuse('its name in .gitmodules is not accepted');
  const resolved = resolveRelativeUrl(url, repository.url);
  if (resolved === undefined) return refuse(`'${url}' leads out of ${repository.display}`);
  try {
    const parsed = parseRepositoryUrl(resolved, 'URL of a git repository');
    return parsed.vcs.demanded ? refuse(`${parsed.display} is not a git repository`) : parsed;
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'USAGE') throw error;
    return refuse(error.message);
  }
}

async function openSubmodule(place: Place, depth: number, context: SubmoduleContext): Promise<Snapshot> {
  const { gitlink, path, repository } = place;
  const { connection, snapshot } = await context.limit(async () => {
    context.signal.throwIfAborted();
    try {
      const connection = await context.connect(repository);
      return { connection, snapshot: await context.open(gitlink.id, connection) };
    } catch (error) {
      throw context.signal.aborted ? error : inSubmodule(error, place);
    }
  });
  const text = `Submodule '${path}': ${repository.display} at ${gitlink.id}\n`;
  await context.emit({ type: 'log', stream: 'stdout', text });
  return await withSubmodules(snapshot, { connection, prefix: `${path}/`, depth }, context);
}

function inSubmodule(error: unknown, { path, repository }: Place): unknown {
  if (!(error instanceof Failure)) return error;
  const { code, message, hint, transient } = error;
  const what = message.startsWith(`${repository.display}: `) ? message : `${repository.display}: ${message}`;
  // What a repository names is no permission of the caller's, and no fault of the call.
  const outside = error.exitCode === 3 || code === 'CREDENTIALS_INVALID' || code === 'TREE_INVALID';
  return new Failure(outside ? code : 'SOURCE_FAILED', `submodule '${path}': ${what}`, {
    hint,
    transient,
    cause: error.cause,
  });
}

// When one fails the others are ended, and waited for; the first failure is the one that counts.
async function together<T>(
  { abandon }: SubmoduleContext,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  let failure: { error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    abandon(error);
  };
  await Promise.all(items.map((item) => work(item).catch(fail)));
  if (failure !== undefined) throw failure.error;
}

async function checkSize(tree: Tree): Promise<void> {
  const { length } = await tree.entries();
  if (length <= MAX_ENTRIES) return;
  throw new Failure('TREE_INVALID', `the source and its submodules hold ${length} files and directories`);
}
