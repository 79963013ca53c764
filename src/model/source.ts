/** Characters that are read of them: people write less, and all of it is told again and again. */
export const MOST = { author: 1_024, message: 65_536 };

/** The revision that a build is of, as the repository tells it. */
export type SourceRevision = {
  /** Full commit id. */
  id: string;
  /** Short name of the branch or tag that was asked for (or is the default); absent where a commit id was given. */
  ref?: string;
  refKind?: 'branch' | 'tag';
  committedAt: Date;
  /** `Name <address>`. */
  author: string;
  message: string;
};
