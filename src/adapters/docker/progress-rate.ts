/** Progress is for eyes: five times a second is enough, and a push reports thousands of times. */
const INTERVAL = 200;

/** Says for each report whether it may be shown now. */
export function progressRate(now: () => number = () => performance.now()): () => boolean {
  let next = 0;
  return () => {
    const time = now();
    if (time < next) return false;
    next = time + INTERVAL;
    return true;
  };
}
