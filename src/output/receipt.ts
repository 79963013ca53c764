import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import type { BuildResult } from '../model/result.js';

/** The type of a receipt, and the namespace of its signature: one cannot be taken for anything else. */
export const RECEIPT = 'buildbot-receipt';

/** What a receipt says beside the result. */
export type Witnessed = {
  /** Of the runner's program. */
  version: string;
  /** Fingerprint of the key that asked for the build. */
  caller: string;
  /** Name → values of each flag of the request that has a say in what is made, redacted; of long values the hash. */
  flags: Readonly<Record<string, readonly (string | { sha256: string })[]>>;
};

export type Notary = Witnessed & {
  /** A text → its signature, armored. */
  sign: (text: string) => string;
};

/**
 * Adds receipt and signature to the result of a build that made something. Stands behind redaction: what is signed is what the caller
 * sees. Without `sign` nothing is added.
 */
export function signResults(
  { sign, ...witnessed }: Witnessed & Partial<Notary>,
  emit: Emit<BuildEvent>,
): Emit<BuildEvent> {
  if (sign === undefined) return emit;
  return (event) =>
    emit(event.type === 'result' && madeSomething(event) ? signed(event, { sign, ...witnessed }) : event);
}

/** What was made from what, and who asked for it with which flags: one line of JSON in the form of RFC 8785, without its line end. */
export function receiptOf(result: BuildResult, { version, caller, flags }: Witnessed): string {
  const { id, status, exitCode, source, images, published, finishedAt } = result;
  return canonical({
    ...{ type: RECEIPT, version: 1, runner: { version } },
    ...{ caller, flags, id, status, exitCode, finishedAt },
    source: source && { repo: source.repo, ref: source.ref, revision: source.revision },
    images: images.map(({ project, name, id: image, digest, refs }) => ({
      ...{ project, name, id: image, digest },
      refs: refs.map(({ ref, pushed, digest: at }) => ({ ref, pushed, digest: at })),
    })),
    published: published.map(({ to, url, files, bytes }) => ({ to, url, files, bytes })),
  });
}

// A receipt of a failure, or of a mere plan, would prove nothing that somebody could rely on.
function madeSomething({ status, images, published }: BuildResult): boolean {
  return status === 'succeeded' && images.length + published.length > 0;
}

function signed(event: EventOf<'result'>, { sign, ...witnessed }: Notary): EventOf<'result'> {
  const receipt = receiptOf(event, witnessed);
  // The line with its end, since that is what comes out when a program prints the receipt.
  return { ...event, receipt, signature: sign(`${receipt}\n`) };
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
