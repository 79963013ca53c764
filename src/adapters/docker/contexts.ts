import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import type { FileEntry } from '../../model/tree.js';
import type { Containers, Contexts, FetchedSource, StepIO } from '../../ports.js';
import { type ContextLimits, type ReceivedContext, receiveContext } from '../context/receive.js';
import { type Connection, connect } from './connection.js';
import { importImage } from './context-import.js';
import { createLanes, type Lanes } from './context-lanes.js';
import { contextTree } from './context-tree.js';
import { cleanUp } from './deadline.js';
import { removeName } from './images.js';
import { packTar, writeFile } from './tar-pack.js';

export type DockerContextsOptions = {
  /** Those of the same engine. */
  containers: Containers;
  /** The runner's name: the sweep finds its images by it. */
  runner: string;
  limits: ContextLimits;
  /** Where the engine is; what is absent comes from DOCKER_HOST and its like, or is the default socket. */
  connection?: Docker.DockerOptions;
};

/**
 * Contexts that the engine holds: what comes becomes an image of one layer with a private name, as it comes. It is read from
 * containers of that image which never run.
 */
export function createDockerContexts(options: DockerContextsOptions): Contexts {
  const connection = connect(options.connection);
  return {
    async receive(stream, { build, ...io }) {
      const image = `buildbot-build:${options.runner}-${randomBytes(8).toString('hex')}-context`;
      const lanes = createLanes(() => makeContainer(options.containers, { build, image }, io));
      const dispose = () => discard(connection, { image, lanes }, io);
      try {
        const received = await store(connection, { stream, image, limits: options.limits }, io.signal);
        // As long as a container has the image, nobody who tidies the engine up takes it away.
        (await lanes.take())[Symbol.dispose]();
        return fetched(received, contextTree(received, lanes, io.signal), dispose);
      } catch (error) {
        await dispose();
        throw error;
      }
    },
  };
}

function fetched(
  { revision }: ReceivedContext,
  tree: FetchedSource['tree'],
  dispose: () => Promise<void>,
): FetchedSource {
  let disposal: Promise<void> | undefined;
  return { revision, tree, [Symbol.asyncDispose]: () => (disposal ??= dispose()) };
}

async function store(
  connection: Connection,
  { stream, image, limits }: { stream: AsyncIterable<Uint8Array>; image: string; limits: ContextLimits },
  signal: AbortSignal,
): Promise<ReceivedContext> {
  // Where the engine fails, the stream must not be waited for.
  const stop = new AbortController();
  const receiving = { limits, signal: AbortSignal.any([signal, stop.signal]) };
  let received: ReceivedContext | undefined;
  const body = packTar(async (pack) => {
    received = await receiveContext(stream, {
      ...receiving,
      store: ({ place, size }, chunks) => writeFile(pack, storedFile(place, size), chunks),
    });
  });
  try {
    await importImage(connection, { name: image, body }, signal);
    return received!;
  } finally {
    stop.abort();
  }
}

/** Modes and times are the tree's business: of the engine nothing but the bytes is asked. */
function storedFile(path: string, size: number): FileEntry {
  return { type: 'file', path, mode: 0o600, size, id: '', mtime: 0 };
}

function makeContainer(
  containers: Containers,
  { build, image }: { build: string; image: string },
  io: StepIO,
) {
  const none = new Map<string, never>();
  const spec = { build, image, environment: none, secrets: none, caches: none };
  return containers.create(spec, { registries: none, ...io });
}

async function discard(
  connection: Connection,
  { image, lanes }: { image: string; lanes: Lanes },
  io: StepIO,
): Promise<void> {
  await lanes[Symbol.asyncDispose]();
  const what = `remove the context ${image}`;
  await cleanUp(connection, { what, ...io }, (signal) => removeName(connection, image, signal));
}
