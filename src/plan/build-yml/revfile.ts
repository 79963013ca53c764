import type { SourceRevision } from '../../model/source.js';

/** The text of rev.txt: the fields, order and indentation that roger wrote (namshi/roger, src/builder.js). */
export function renderRevfile(revision: SourceRevision, ref: string): string {
  const message = revision.message.trim().split(/\r?\n/);
  return [
    `Version: ${ref}`,
    `Date: ${revision.committedAt.toISOString()}`,
    `Author: ${revision.author}`,
    `Sha: ${revision.id}`,
    '',
    'Commit message:',
    '',
    ...message.map((line) => (line === '' ? '' : `  ${line}`)),
    '',
  ].join('\n');
}
