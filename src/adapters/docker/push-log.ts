import type { StepEvent } from '../../model/events.js';
import { progressRate } from './progress-rate.js';

/** A message of a push (moby, pkg/jsonmessage). */
export type PushMessage = {
  status?: string;
  /** A layer's short id. */
  id?: string;
  progressDetail?: { current?: number; total?: number };
  aux?: { Tag?: string; Digest?: string; Size?: number };
  errorDetail?: { message: string };
};

/** How the engine ends a push for people; Podman has the digest nowhere else. */
const DIGEST = /^\S+: digest: (?<digest>sha256:[0-9a-f]{64}) size: \d+/;

/** Follows the push of `name`. The engine says a layer's state again and again; the log gets each once. */
export function pushLog(name: string) {
  const states = new Map<string, string>();
  const mayShow = progressRate();
  let digest: string | undefined;
  let error: string | undefined;
  return {
    read({ status = '', id, progressDetail, aux, errorDetail }: PushMessage): StepEvent | undefined {
      digest = aux?.Digest ?? DIGEST.exec(status)?.groups?.['digest'] ?? digest;
      error = errorDetail?.message ?? error;
      if (id === undefined) return undefined;
      const line = describe(status, id);
      if (line !== undefined && states.get(id) !== line) {
        states.set(id, line);
        return { type: 'log', stream: 'stdout', text: `${name}: ${line}\n` };
      }
      const { current, total = 0 } = progressDetail ?? {};
      return current !== undefined && mayShow()
        ? { type: 'progress', what: `layer ${id}`, current, total }
        : undefined;
    },
    digest: () => digest,
    error: () => error,
  };
}

function describe(status: string, id: string): string | undefined {
  switch (status) {
    case 'Pushing':
      return `pushing layer ${id}`;
    case 'Pushed':
      return `pushed layer ${id}`;
    case 'Layer already exists':
      return `layer ${id} is there already`;
    default:
      // `Mounted from team/app`, `Retrying in 5 seconds`: rare, and worth reading as they are.
      return /^(?:Mounted|Retrying)/.test(status) ? `layer ${id}: ${status.toLowerCase()}` : undefined;
  }
}
