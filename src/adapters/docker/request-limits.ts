import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { Failure } from '../../model/errors.js';
import { ANSWER, type Liveness, type Pulse, SILENCE, watchPulse } from './pulse.js';

/** Requests of one step that may be under way at once before the runtime takes their listeners for a leak: a push has two for each tag. */
const AT_ONCE = 1_000;

/** Milliseconds for the answer to what an engine does at once: make, start, inspect, name. A busy disk included. */
export const REQUEST = 60_000;

/** The engine that is asked, for people, and how to ask whether it is there. */
export type Asked = { address: string; ask: Pulse['ask'] };

/** One request: its signal, and what became of it. */
export type RequestLimits = {
  signal: AbortSignal;
  /** What `answer` gives, or the failure of the limit that cut it off. */
  until<T>(answer: Promise<T>): Promise<T>;
  /** The head of the answer is here: from now on the request's signal ends this stream, and so does an engine that is lost. */
  follow(stream: Readable, socket?: Socket): void;
};

/** `within`: milliseconds for the answer. Without, it may take any time, as long as the engine is there. */
export function limitRequest(
  { address, ask }: Asked,
  { what, signal, within }: { what: string; signal?: AbortSignal | undefined; within?: number },
): RequestLimits {
  const cut = new AbortController();
  let over: Failure | undefined;
  const fail = (message: string) => {
    over = new Failure('ENGINE_UNREACHABLE', `the engine at ${address} ${message}`);
    cut.abort(over);
  };
  const stop = () => cut.abort(signal?.reason);
  const obey = () => {
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  };
  const forget = () => signal?.removeEventListener('abort', stop);
  if (signal) setMaxListeners(AT_ONCE, signal);
  obey();
  const watch = within === undefined ? watchEngine(ask, () => fail(LOST)) : undefined;
  const timer = within && setTimeout(() => fail(`did not answer ${what} within ${within / 1000} s`), within);
  return {
    signal: cut.signal,
    async until(answer) {
      try {
        return await answer;
      } catch (error) {
        throw over ?? error;
      } finally {
        watch?.end();
        clearTimeout(timer);
        forget();
      }
    },
    follow(stream, socket) {
      obey();
      stream.once('close', forget);
      failWhenLost({ address, ask }, stream, socket);
    },
  };
}

const LOST = `does not answer for ${(SILENCE + ANSWER) / 1000} s`;

/** Destroys a stream of the engine's, with ENGINE_UNREACHABLE, when it is silent and the engine answers nobody else either. */
function failWhenLost({ address, ask }: Asked, stream: Readable | Duplex, socket?: Socket): void {
  const fail = () => stream.destroy(new Failure('ENGINE_UNREACHABLE', `the engine at ${address} ${LOST}`));
  const watch = watchEngine(ask, fail, { socket });
  stream.once('close', watch.end);
}

/** Calls `onLost` once the engine answers nobody any more; `liveness` as for `watchPulse`. */
export function watchEngine(
  ask: Pulse['ask'],
  onLost: () => void,
  { socket, ...liveness }: Liveness & { socket?: Socket | undefined } = {},
): { end: () => void } {
  const end = new AbortController();
  const bytes = () => socket && socket.bytesRead + socket.bytesWritten;
  void watchPulse({ bytes, ask }, end.signal, liveness).then((lost) => lost && onLost());
  // Without a reason of its own an abort makes an error, with its stack: nobody reads it.
  return { end: () => end.abort(null) };
}
