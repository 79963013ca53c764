import type { Connection } from './connection.js';
import { requestJson } from './connection.js';
import { withDeadline } from './deadline.js';
import { engineFailure } from './engine-failure.js';

/** Milliseconds that the engine has to measure everything, file by file. */
export const MEASURING = 300_000;

/** As `GET /system/df` has them (Engine API, SystemDataUsage). Size -1: the engine does not know. */
export type MeasuredVolume = {
  Name: string;
  Labels: Record<string, string> | null;
  UsageData?: { Size: number } | null;
};
export type CacheRecord = {
  ID: string;
  InUse: boolean;
  /** An image has the same layer: to remove the record frees nothing. */
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt?: string | null;
};

type Measured = { volume: MeasuredVolume; 'build-cache': CacheRecord };

/** What the engine measures. Takes a while: not for the way of a build. Rejects as the engine does. */
export async function measure<T extends keyof Measured>(
  connection: Connection,
  type: T,
): Promise<Measured[T][]> {
  // Before API 1.42 `type` is not known, and everything is measured.
  const request = { method: 'GET', path: '/system/df', query: { type } } as const;
  try {
    const usage = await withDeadline(connection, { ms: MEASURING }, (signal) =>
      requestJson<{ Volumes?: MeasuredVolume[] | null; BuildCache?: CacheRecord[] | null }>(connection, {
        ...request,
        signal,
        patient: true,
      }),
    );
    return ((type === 'volume' ? usage.Volumes : usage.BuildCache) ?? []) as Measured[T][];
  } catch (error) {
    throw engineFailure(connection, 'measure the caches', error);
  }
}
