import { onAbort } from '../../model/abort.js';

/** A signal that aborts `ms` after `signal` does: time for the other side to end what it has begun. Dispose it. */
export function delayAbort(signal: AbortSignal, ms: number): { signal: AbortSignal } & Disposable {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = () => (timer = setTimeout(() => late.abort(signal.reason), ms));
  const watch = onAbort(signal, start);
  return {
    signal: late.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      watch[Symbol.dispose]();
    },
  };
}
