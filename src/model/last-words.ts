/** Milliseconds that a reader has to take what is left when all is done. */
export const LAST_WORDS = 600_000;
