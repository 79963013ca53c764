import { Failure } from '../../model/errors.js';
import type { CommandResult } from '../vcs/command.js';
import { remoteFailure, runRemote, type RemoteSettings } from '../vcs/remote.js';
import { classify } from './classify.js';
import type { Found } from './revision.js';
import { mercurialUrl } from './url.js';

/** A Mercurial server as one caller sees it. Whatever succeeds proves that the caller may read the repository. */
export interface Remote {
  /** This caller was accepted in this call, or lately. */
  isProven(): boolean;
  /** The changeset that a name or an id means there, if any. Rejects with a Failure of exit 3. */
  identify(revision: string): Promise<Found | undefined>;
  /** Brings a changeset with its history into the repository `cache`. Rejects with a Failure of exit 3. */
  pull(node: string, cache: string): Promise<void>;
}

export function openRemote(settings: RemoteSettings): Remote {
  const { repository, proof } = settings;
  const url = mercurialUrl(repository);
  let accepted = false;
  const run = async (...args: string[]): Promise<CommandResult> => {
    const result = await runRemote(['hg', ...args], settings);
    const isAnswer = result.code === 0 || classify(result.stderr).code === 'REVISION_NOT_FOUND';
    if (!isAnswer) throw await remoteFailure(result.stderr, settings, { program: 'hg', classify });
    accepted = true;
    proof.remember();
    return result;
  };
  return {
    isProven: () => accepted || proof.isFresh(),
    async identify(revision) {
      // Over a network the other side looks a name up as it is. On a file system hg takes it for an expression, in
      // which a name stands in quotes: hg help revsets.
      const name = repository.kind === 'file' ? `"${revision.replace(/["\\]/g, '\\$&')}"` : revision;
      const { code, stdout } = await run('identify', '-q', '-T', TEMPLATE, '-r', name, '--', url);
      if (code !== 0) return undefined;
      const [node = '', ...bookmarks] = stdout.split('\n').slice(0, -1);
      return { node, bookmarks };
    },
    async pull(node, cache) {
      const { code } = await run('pull', '-q', '-R', cache, '-r', node, '--', url);
      if (code === 0) return;
      throw new Failure('REVISION_NOT_FOUND', `${repository.display} has no changeset ${node}`);
    },
  };
}

const TEMPLATE = '{node}\\n{bookmarks % "{bookmark}\\n"}';
