import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createGitSource, type GitSourceOptions } from '../../../src/adapters/git/source.js';
import { runnerOn } from '../../fakes/depot.js';
import { noCredentials, type GitCredential } from '../../../src/model/credentials.js';
import type { Choice } from '../../../src/model/request.js';
import { Secret } from '../../../src/model/secret.js';
import type { FileEntry, Tree } from '../../../src/model/tree.js';
import type { FetchedSource, Source } from '../../../src/ports.js';

export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: eval "$(test/lab/lab env)"`);
  return value;
}

export const lab = {
  ssh: variable('LAB_GIT_SSH'),
  sshV0: variable('LAB_GIT_SSH_V0'),
  http: variable('LAB_GIT_HTTP'),
  root: variable('LAB_GIT_ROOT'),
  knownHosts: readFileSync(variable('LAB_GIT_KNOWN_HOSTS'), 'utf8'),
  key: new Secret(readFileSync(variable('LAB_GIT_KEY'), 'utf8')),
  otherKey: new Secret(readFileSync(variable('LAB_GIT_OTHER_KEY'), 'utf8')),
  username: variable('LAB_GIT_HTTP_USERNAME'),
  token: new Secret(variable('LAB_GIT_HTTP_TOKEN')),
};

/** A new directory that goes with the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'git-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export type Repository = {
  /** Name on the servers, without `.git`. */
  name: string;
  bare: string;
  work: string;
  git(...args: string[]): string;
  /** git with something on its standard input. */
  feed(input: string | Buffer, ...args: string[]): string;
  /** Writes files, commits all and pushes everything; gives the commit's id. */
  commit(files: Record<string, string | Buffer>, message?: string): string;
  push(): void;
};

let made = 0;

/** A bare repository where all servers of the lab see it, and a clone to fill it. */
export function createRepository({ format = 'sha1' } = {}): Repository {
  const name = `test-${process.pid}-${++made}`;
  const bare = join(lab.root, `${name}.git`);
  const work = temporaryDirectory();
  onTestFinished(() => rmSync(bare, { recursive: true, force: true }));
  const feed = (input: string | Buffer, ...args: string[]): string =>
    execFileSync('git', args, { cwd: work, env: gitEnvironment, input, stdio: ['pipe', 'pipe', 'pipe'] })
      .toString()
      .trimEnd();
  const git = (...args: string[]): string => feed('', ...args);
  git('init', '--quiet', '--bare', '--initial-branch=main', `--object-format=${format}`, bare);
  git('init', '--quiet', '--initial-branch=main', `--object-format=${format}`, '.');
  const push = (): void =>
    void git('push', '--quiet', '--force', bare, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*');
  const commit: Repository['commit'] = (files, message = 'change') => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(work, dirname(path)), { recursive: true });
      writeFileSync(join(work, path), content);
    }
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '--message', message);
    push();
    return git('rev-parse', 'HEAD');
  };
  return { name, bare, work, git, feed, commit, push };
}

const gitEnvironment = {
  PATH: process.env['PATH'],
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada Ä',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Carl',
  GIT_COMMITTER_EMAIL: 'carl@example.com',
  GIT_COMMITTER_DATE: '2024-05-06T07:08:09Z',
};

export function createSource({
  dataDirectory = temporaryDirectory(),
  ...options
}: Partial<GitSourceOptions & { dataDirectory: string }> = {}): Source {
  return createGitSource({
    depot: runnerOn(dataDirectory).depot('git'),
    allowFileRepositories: true,
    knownHosts: lab.knownHosts,
    accessTtlMs: 600_000,
    clock: { elapsed: () => performance.now() },
    environment: process.env,
    ...options,
  });
}

export type FetchOptions = {
  revision?: string;
  submodules?: Choice;
  lfs?: Choice;
  git?: GitCredential;
  knownHosts?: string;
  acceptNewHostKey?: boolean;
  log?: string[];
  warnings?: string[];
  signal?: AbortSignal;
  workspace?: string;
};

/** Fetches as a build does, by default with the key that the servers accept. */
export async function fetchFrom(
  source: Source,
  url: string,
  options: FetchOptions = {},
): Promise<FetchedSource> {
  const { revision, git = { sshKey: lab.key }, knownHosts = '', log = [] } = options;
  const fetched = await source.fetch(
    {
      vcs: 'git',
      url,
      ...(revision !== undefined && { revision }),
      acceptNewHostKey: options.acceptNewHostKey ?? false,
      submodules: options.submodules ?? 'auto',
      lfs: options.lfs ?? 'auto',
    },
    {
      credentials: { ...noCredentials, git, knownHosts },
      workspace: options.workspace ?? temporaryDirectory(),
      scratch: temporaryDirectory(),
    },
    {
      emit(event) {
        if (event.type === 'log') log.push(event.text);
        if (event.type === 'warning') options.warnings?.push(event.message);
      },
      signal: options.signal ?? new AbortController().signal,
    },
  );
  onTestFinished(() => fetched[Symbol.asyncDispose]());
  return fetched;
}

export const sshUrl = ({ name }: Repository): string => `${lab.ssh}/${name}.git`;
export const fileUrl = ({ bare }: Repository): string => `file://${bare}`;
export const httpUrl = (area: 'private' | 'public', { name }: Repository): string =>
  `${lab.http}/${area}/${name}.git`;

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
