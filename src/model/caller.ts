import type { Rights } from './rights.js';

/** Who asked: the fingerprint of the key is the identity, comment and address are for people. */
export type Caller = { fingerprint: string; comment: string; address: string; rights: Rights };

/** The reason of a signal that aborts because the caller has gone away, and not because work is to be stopped. */
export class CallerGone extends Error {
  constructor() {
    super('the client is gone');
  }
}
