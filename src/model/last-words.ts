/** Milliseconds that a reader has to take what is left when all is done. */
export const LAST_WORDS = 600_000;

/** The same for a server's log, for which nobody's build waits. */
export const LAST_LINES = 2_000;
