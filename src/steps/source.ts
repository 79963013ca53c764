import type { BuildRequest } from '../model/request.js';
import type { FetchedSource, Source, StepIO, Workspace } from '../ports.js';

/** Fetches the revision and says what it is. */
export async function fetchSource(
  request: BuildRequest,
  { source, workspace }: { source: Source; workspace: Pick<Workspace, 'directory' | 'scratch'> },
  io: StepIO,
): Promise<FetchedSource> {
  const access = {
    credentials: request.credentials,
    workspace: workspace.directory,
    scratch: workspace.scratch,
  };
  const fetched = await source.fetch(request.source, access, io);
  const { id, ref, author, committedAt, message } = fetched.revision;
  const subject = message.split('\n', 1)[0]!;
  const name = ref === undefined ? id : `${ref} (${id})`;
  await io.emit({
    type: 'log',
    stream: 'stdout',
    text: `${name}\n${committedAt.toISOString()} ${author}: ${subject}\n`,
  });
  return fetched;
}
