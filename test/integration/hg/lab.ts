import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createHgSource, type HgSourceOptions } from '../../../src/adapters/hg/source.js';
import { createSpools } from '../../../src/adapters/spool.js';
import { runnerOn } from '../../fakes/depot.js';
import { noCredentials, type GitCredential } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import type { Choice } from '../../../src/model/request.js';
import { Secret } from '../../../src/model/secret.js';
import type { FileEntry, Tree } from '../../../src/model/tree.js';
import type { FetchedSource, Source } from '../../../src/ports.js';
import { lab as variable } from '../../lab/environment.js';

export const lab = {
  ssh: variable('LAB_HG_SSH'),
  http: variable('LAB_HG_HTTP'),
  root: variable('LAB_HG_ROOT'),
  knownHosts: readFileSync(variable('LAB_GIT_KNOWN_HOSTS'), 'utf8'),
  key: new Secret(readFileSync(variable('LAB_GIT_KEY'), 'utf8')),
  otherKey: new Secret(readFileSync(variable('LAB_GIT_OTHER_KEY'), 'utf8')),
  username: variable('LAB_GIT_HTTP_USERNAME'),
  token: new Secret(variable('LAB_GIT_HTTP_TOKEN')),
};

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hg-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export type Content = string | Buffer | { symlink: string } | { executable: string };

export type Repository = {
  name: string;
  /** Its directory on the server, with a work tree. */
  directory: string;
  hg(...args: string[]): string;
  /** Writes files and commits all of them; gives the changeset's id. */
  commit(files: Record<string, Content>, message?: string): string;
};

const hgEnvironment = {
  PATH: process.env['PATH'],
  HGRCPATH: '',
  HGPLAIN: '1',
  HGENCODING: 'UTF-8',
  LC_ALL: 'C',
  HGUSER: 'Ada Ä <ada@example.com>',
};

let made = 0;

/** A repository where all servers of the lab see it. */
export function createRepository(): Repository {
  const name = `test-${process.pid}-${++made}`;
  const directory = join(lab.root, name);
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(directory);
  const hg = (...args: string[]): string =>
    execFileSync('hg', args, { cwd: directory, env: hgEnvironment, stdio: ['pipe', 'pipe', 'pipe'] })
      .toString()
      .trimEnd();
  hg('init');
  const commit: Repository['commit'] = (files, message = 'change') => {
    for (const [path, content] of Object.entries(files)) write(join(directory, path), content);
    hg('addremove', '--quiet');
    hg('commit', '--message', message, '--date', '1714979289 0');
    return hg('log', '-r', '.', '-T', '{node}');
  };
  return { name, directory, hg, commit };
}

function write(file: string, content: Content): void {
  mkdirSync(dirname(file), { recursive: true });
  if (typeof content === 'string' || Buffer.isBuffer(content)) return writeFileSync(file, content);
  if ('symlink' in content) return symlinkSync(content.symlink, file);
  writeFileSync(file, content.executable);
  chmodSync(file, 0o755);
}

export function createSource({
  dataDirectory = temporaryDirectory(),
  ...options
}: Partial<HgSourceOptions & { dataDirectory: string }> = {}): Source {
  return createHgSource({
    depot: runnerOn(dataDirectory).depot('hg'),
    allowFileRepositories: true,
    knownHosts: lab.knownHosts,
    accessTtlMs: 600_000,
    clock: { elapsed: () => performance.now() },
    spools: createSpools(),
    environment: process.env,
    ...options,
  });
}

export type FetchOptions = {
  revision?: string;
  git?: GitCredential;
  acceptNewHostKey?: boolean;
  submodules?: Choice;
  log?: string[];
  warnings?: string[];
  signal?: AbortSignal;
  workspace?: string;
  scratch?: string;
};

/** Fetches as a build does, by default with the key that the servers accept. */
export async function fetchFrom(
  source: Source,
  url: string,
  options: FetchOptions = {},
): Promise<FetchedSource> {
  const { revision, git = { sshKey: lab.key }, log = [], warnings = [] } = options;
  const fetched = await source.fetch(
    {
      vcs: 'hg',
      url,
      ...(revision !== undefined && { revision }),
      acceptNewHostKey: options.acceptNewHostKey ?? false,
      submodules: options.submodules ?? 'auto',
      lfs: 'auto',
    },
    {
      credentials: { ...noCredentials, git },
      workspace: options.workspace ?? temporaryDirectory(),
      scratch: options.scratch ?? temporaryDirectory(),
    },
    {
      emit(event) {
        if (event.type === 'log') log.push(event.text);
        if (event.type === 'warning') warnings.push(event.message);
      },
      signal: options.signal ?? new AbortController().signal,
    },
  );
  onTestFinished(() => fetched[Symbol.asyncDispose]());
  return fetched;
}

export async function failureOf(
  url: string,
  options: FetchOptions = {},
  source = createSource(),
): Promise<Failure> {
  const error = await fetchFrom(source, url, options).then(
    () => new Error('it was fetched'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Failure)) throw error;
  for (const secret of [lab.key, lab.otherKey, lab.token])
    if (error.line.includes(secret.reveal().slice(0, 30))) throw new Error('a secret is in the message');
  return error;
}

export const sshUrl = ({ name }: Repository): string => `${lab.ssh}/${name}`;
export const fileUrl = ({ directory }: Repository): string => `file://${directory}`;
export const httpUrl = (area: 'private' | 'public', { name }: Repository): string =>
  `${lab.http}/${area}/${name}`;

/** Every file's content, by path. */
export async function readAll(tree: Tree): Promise<Map<string, Buffer>> {
  const files = (await tree.entries()).filter((entry): entry is FileEntry => entry.type === 'file');
  const contents = new Map<string, Buffer>();
  for await (const { entry, chunks } of tree.read(files)) {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(Buffer.from(chunk));
    contents.set(entry.path, Buffer.concat(pieces));
  }
  return contents;
}

export async function readText(tree: Tree, path: string): Promise<string | undefined> {
  return (await readAll(tree)).get(path)?.toString();
}
