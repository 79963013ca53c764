import { Failure } from '../model/errors.js';

/** The caller's signal with a reason that explains itself. */
export function cancelWhenGone(gone: AbortSignal): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const cancel = () =>
    controller.abort(new Failure('CANCELLED', 'the caller cancelled the build or went away'));
  if (gone.aborted) cancel();
  gone.addEventListener('abort', cancel, { once: true });
  return { signal: controller.signal, [Symbol.dispose]: () => gone.removeEventListener('abort', cancel) };
}
