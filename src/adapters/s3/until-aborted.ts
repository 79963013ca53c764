/**
 * The items of `source` until `signal` aborts: then it throws the signal's reason at once, also while the source keeps silent.
 * A source that is left early is returned; a silent one answers that only later, so nobody waits for it.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let interrupt: () => void = () => {};
  const onAbort = () => interrupt();
  signal.addEventListener('abort', onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      // Not Promise.race with one promise for the signal: that would keep every item until the signal aborts.
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        interrupt = () => reject(signal.reason as Error);
        iterator.next().then(resolve, reject);
      });
      ended = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    const returned = ended ? undefined : iterator.return?.();
    if (signal.aborted) returned?.catch(() => {});
    else await returned;
  }
}
