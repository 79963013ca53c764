/** Calls `stop` once `signal` aborts, at once where it has; not after it was disposed. */
export function onAbort(signal: AbortSignal, stop: () => void): Disposable {
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', stop) };
}

/** What `work` gives. Rejects with the signal's reason where that aborts before, and waits no more. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const watch = onAbort(signal, () => reject(signal.reason as Error));
    work.then(resolve, reject).finally(() => watch[Symbol.dispose]());
  });
}
