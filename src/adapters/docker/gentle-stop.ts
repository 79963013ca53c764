import { type Connection, requestJson } from './connection.js';
import { onAbort } from '../../model/abort.js';

/** How long the engine may take to stop a build before the connection is cut. */
export const GRACE = 1_000;

type GentleStop = {
  /** Aborts when the requests of the build must be cut. */
  cut: AbortSignal;
  /** The engine works: from now on it is asked before it is cut. */
  started(): void;
  dispose(): void;
};

/**
 * Stops an aborted build by asking first: the build's stream then ends when its processes are gone, while a cut connection tells
 * nothing. An engine that does not end it in time is cut off, which stops it too.
 */
export function gentleStop(connection: Connection, buildId: string, signal: AbortSignal): GentleStop {
  signal.throwIfAborted();
  const cut = new AbortController();
  let running = false;
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    if (!running) return cut.abort(signal.reason);
    timer = setTimeout(() => cut.abort(signal.reason), GRACE);
    const [query, deadline] = [{ id: buildId }, AbortSignal.timeout(GRACE)];
    requestJson(connection, { method: 'POST', path: '/build/cancel', query, signal: deadline }).catch(() =>
      cut.abort(signal.reason),
    );
  };
  const watch = onAbort(signal, stop);
  return {
    cut: cut.signal,
    started: () => (running = true),
    dispose() {
      clearTimeout(timer);
      watch[Symbol.dispose]();
    },
  };
}
