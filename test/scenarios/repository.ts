import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { lab } from '../lab/environment.js';
import { run } from './run.js';

export type Files = Record<string, string | { text: string; mode?: number } | { symlink: string } | null>;

/** A real bare repository on the lab's git server, and a work tree to commit from. */
export interface Repository extends AsyncDisposable {
  name: string;
  /** ssh:// URL; only LAB_GIT_KEY may read it. */
  url: string;
  directory: string;
  git(...words: string[]): Promise<string>;
  /** Writes (or with null deletes) files, commits, pushes `main`, and gives the full commit id. */
  commit(files: Files, message?: string): Promise<string>;
}

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.invalid',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.invalid',
};

export async function createRepository(files?: Files): Promise<Repository> {
  const name = `t-${randomUUID()}`;
  const bare = join(lab('LAB_GIT_ROOT'), `${name}.git`);
  await run('git', ['init', '-q', '--bare', '-b', 'main', bare]);
  const directory = await mkdtemp(join(tmpdir(), 'buildbot-repository-'));
  const git = async (...words: string[]) =>
    (await run('git', words, { cwd: directory, env: IDENTITY })).trim();
  await git('init', '-q', '-b', 'main');
  const commit = async (changes: Files, message = 'Change') => {
    for (const [path, content] of Object.entries(changes)) await write(join(directory, path), content);
    await git('add', '-A');
    await git('commit', '-q', '--allow-empty', '-m', message);
    await git('push', '-q', bare, 'main');
    return git('rev-parse', 'HEAD');
  };
  if (files) await commit(files, 'First');
  return {
    name,
    url: `${lab('LAB_GIT_SSH')}/${name}.git`,
    directory,
    git,
    commit,
    async [Symbol.asyncDispose]() {
      await rm(bare, { recursive: true, force: true });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function write(path: string, content: Files[string]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  if (content === null) return;
  if (typeof content === 'object' && 'symlink' in content) await symlink(content.symlink, path);
  else if (typeof content === 'object') await writeFile(path, content.text, { mode: content.mode ?? 0o644 });
  else await writeFile(path, content ?? '');
}

/** A credentials document: the git server's accepted key and host keys, and the login of the registry that wants one. */
export function credentials(more = ''): string {
  const indent = (file: string) => readFileSync(file, 'utf8').trimEnd().replace(/^/gm, '    ');
  return `git:
  sshKey: |
${indent(lab('LAB_GIT_KEY'))}
knownHosts: |
${indent(lab('LAB_GIT_KNOWN_HOSTS'))}
registries: { "${lab('LAB_AUTH_REGISTRY')}": { username: "${lab('LAB_AUTH_USERNAME')}", password: "${lab('LAB_AUTH_PASSWORD')}" } }
${more}`;
}
