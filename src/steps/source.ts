import type { BuildRequest } from '../model/request.js';
import { harmless } from '../model/shown.js';
import { formatSize } from '../model/quantity.js';
import type { Contexts, FetchedSource, Source, StepIO, Workspace } from '../ports.js';

export type SourceTools = {
  ports: { source: Source; contexts: Contexts };
  workspace: Pick<Workspace, 'directory' | 'scratch'>;
};

/** Fetches the revision, or takes what the caller sends in its place, and says what it is. */
export async function fetchSource(
  request: BuildRequest,
  { ports, workspace }: SourceTools,
  io: StepIO,
): Promise<FetchedSource> {
  const { source, credentials } = request;
  if (source.kind === 'context') {
    const received = await ports.contexts.receive(source.stream, { build: request.id, ...io });
    await say(await describeContext(received), io);
    return received;
  }
  const access = { credentials, workspace: workspace.directory, scratch: workspace.scratch };
  const fetched = await ports.source.fetch(source, access, io);
  await say(describeRevision(fetched), io);
  return fetched;
}

async function say(text: string, { emit }: StepIO): Promise<void> {
  await emit({ type: 'log', stream: 'stdout', text });
}

function describeRevision({ revision }: FetchedSource): string {
  const { id, ref, author, committedAt, message } = revision;
  const subject = message.split('\n', 1)[0]!;
  const name = ref === undefined ? id : `${ref} (${id})`;
  return harmless(`${name}\n${committedAt.toISOString()} ${author}: ${subject}\n`);
}

async function describeContext({ revision, tree }: FetchedSource): Promise<string> {
  let [files, bytes] = [0, 0];
  for (const entry of await tree.entries()) {
    if (entry.type !== 'file') continue;
    files++;
    bytes += entry.size;
  }
  return `context ${revision.id}\n${revision.committedAt.toISOString()} ${files} files, ${formatSize(bytes)}\n`;
}
