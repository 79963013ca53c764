/**
 * What a key may do, as its line of authorized_keys (or its certificate) says. A field that is absent limits nothing.
 * Lists of patterns are as `matchesList` of pattern.ts reads them.
 */
export type Rights = {
  /** URLs of repositories. */
  repositories?: readonly string[];
  /** Names of images, with or without a tag. */
  images?: readonly string[];
  /** `help` and `version` besides. */
  commands?: readonly string[];
  /** Builds of this key that run at once; further ones wait. */
  maxBuilds?: number;
  /** A command line that begins every command of this key: a command and flags that the caller cannot give again. */
  forced?: string;
  /** It sees and cancels the builds of other keys too. */
  everyBuild?: true;
  /** It gets no terminal. */
  noTerminal?: true;
  /** Its agent is not used. */
  noAgent?: true;
  /** No socket or port is forwarded for it. */
  noForwarding?: true;
};

/** Of a line without options, and of whoever sits at the machine itself. */
export const allRights: Rights = {};
