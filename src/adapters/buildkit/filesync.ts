import type { FileEntry, Tree, TreeEntry } from '../../model/tree.js';
import { dataFrame, endOfStats, finishPacket, readPacket } from './fsutil.js';
import { type Call, GrpcError, grpcStatus, type Method } from './grpc.js';
import { requestQueue, type RequestQueue } from './request-queue.js';
import { selectEntries } from './selection.js';
import type { ContextStamp } from './stamp.js';
import { statBatches } from './stats.js';

const PIECE = 64 * 1024;

/** What the engine may ask for, by the name that BuildKit's Dockerfile frontend gives it: `context`, `dockerfile`. */
export type Directories = { trees: ReadonlyMap<string, Tree>; stamp: Pick<ContextStamp, 'nanosecondsOf'> };

/**
 * moby.filesync.v1.FileSync/DiffCopy (moby/buildkit, session/filesync): we list every entry, the engine asks for the files that
 * differ from what it kept under the session's shared key, and for these alone the tree is read.
 */
export function diffCopy({ trees, stamp }: Directories): Method {
  return async (call) => {
    const name = metadataValues(call, 'dir-name')[0] ?? '';
    const tree = trees.get(name);
    if (tree === undefined) throw new GrpcError(grpcStatus.notFound, `no access to directory '${name}'`);
    const paths = [...metadataValues(call, 'followpaths'), ...metadataValues(call, 'include-patterns')];
    await transfer(call, { tree, stamp }, selectEntries(await tree.entries(), paths));
  };
}

type Offer = { tree: Tree; stamp: Directories['stamp'] };

async function transfer(call: Call, { tree, stamp }: Offer, entries: readonly TreeEntry[]): Promise<void> {
  const wanted = requestQueue();
  const sending = sendFiles(call, tree, { entries, wanted });
  const receiving = receiveRequests(call, entries, wanted);
  await Promise.all([sendStats(call, entries, stamp), sending, receiving]);
  await call.send(finishPacket);
}

async function sendStats(
  call: Call,
  entries: readonly TreeEntry[],
  { nanosecondsOf }: Directories['stamp'],
): Promise<void> {
  for (const batch of statBatches(entries, nanosecondsOf)) await call.sendFramed(batch);
  await call.send(endOfStats);
}

/** Queues what the engine asks for until it has everything; the queue's end ends the tree's reader too. */
async function receiveRequests(
  call: Call,
  entries: readonly TreeEntry[],
  wanted: RequestQueue,
): Promise<void> {
  try {
    for await (const message of call.messages) {
      const packet = readPacket(message);
      if (packet.kind === 'finish') return;
      if (packet.kind === 'error') throw new GrpcError(grpcStatus.unknown, packet.message);
      if (packet.kind === 'other') continue;
      if (entries[packet.id]?.type !== 'file')
        throw new GrpcError(grpcStatus.notFound, `no file ${packet.id}`);
      wanted.push(packet.id);
    }
    throw new GrpcError(grpcStatus.unknown, 'the engine ended the transfer early');
  } finally {
    wanted.end();
  }
}

/** Sends the files that the engine asks for, each under its number among the entries. */
async function sendFiles(
  call: Call,
  tree: Tree,
  { entries, wanted }: { entries: readonly TreeEntry[]; wanted: RequestQueue },
): Promise<void> {
  const ids = new Map<FileEntry, number>();
  async function* files(): AsyncGenerator<FileEntry> {
    for await (const id of wanted) {
      const file = entries[id] as FileEntry;
      ids.set(file, id);
      yield file;
    }
  }
  for await (const { entry, chunks } of tree.read(files())) {
    const id = ids.get(entry);
    if (id === undefined) throw new Error(`the tree gave ${entry.path}, which was not asked for`);
    ids.delete(entry);
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const piece = chunk.subarray(at, at + PIECE);
        const full = call.sendFramed(dataFrame(id, piece.length), piece);
        if (full !== undefined) await full;
      }
    }
    const full = call.sendFramed(dataFrame(id, 0));
    if (full !== undefined) await full;
  }
}

/** Values of a key; newer BuildKits send what is not ASCII query-escaped and say so with `KEY-encoded`. */
function metadataValues({ metadata }: Call, key: string): readonly string[] {
  const values = metadata.get(key) ?? [];
  if (metadata.get(`${key}-encoded`)?.[0] === '1') {
    return values.map((value) => decodeURIComponent(value.replaceAll('+', ' ')));
  }
  // Older ones send UTF-8 as it is, which HTTP/2 hands over as Latin-1.
  return values.map((value) => Buffer.from(value, 'latin1').toString());
}
