import { Failure } from './errors.js';

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNITS: Record<string, number> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** The longest that a timer of the runtime can wait is 2^31-1 ms, a little less than 25 days. */
export const LONGEST_TIMER = 24 * 86_400_000;

/** `90s`, `30m`, `1h30m`, `500ms`, or a plain number of seconds → milliseconds. Throws Failure USAGE. */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^(?:\d+(?:ms|s|m|h|d))+$/.test(text)) {
    throw new Failure('USAGE', `'${text}' is not a duration`, { hint: 'write it like 90s, 30m or 1h30m' });
  }
  const parts = text.matchAll(/(\d+)(ms|s|m|h|d)/g);
  return [...parts].reduce((sum, [, number, unit]) => sum + Number(number) * DURATION_UNITS[unit!]!, 0);
}

/** `64m`, `1.5GiB`, `20GB`, or a plain number of bytes → bytes; units are powers of 1024, as Docker has them. Throws Failure USAGE. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text);
  if (!match) throw new Failure('USAGE', `'${text}' is not a size`, { hint: 'write it like 512m or 20GB' });
  const bytes = Math.floor(Number(match[1]) * SIZE_UNITS[match[2]!.toLowerCase()]!);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new Failure('USAGE', `'${text}' is too large a size`, { hint: 'write it like 512m or 20GB' });
}

/** Milliseconds → `350ms`, `4.2s`, `2m05s`, `1h02m`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const pad = (n: number) => String(n).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${pad(Math.floor((seconds % 3600) / 60))}m`;
}

/** Bytes → `20.5MB`, three digits and powers of 1000, as `docker images` prints them. */
export function formatSize(bytes: number): string {
  return scaled(bytes, { base: 1000, digits: 3 }, ['B', 'kB', 'MB', 'GB', 'TB']);
}

/** Bytes → `512 MB`, four digits and powers of 1024: a limit as it was set, see `parseSize`. */
export function formatMemory(bytes: number): string {
  return scaled(bytes, { base: 1024, digits: 4 }, [' B', ' KB', ' MB', ' GB', ' TB']);
}

function scaled(
  bytes: number,
  { base, digits }: { base: number; digits: number },
  units: readonly string[],
): string {
  const rounded = (value: number): number => Number(value.toPrecision(digits));
  let [value, unit] = [bytes, 0];
  for (; rounded(value) >= base && unit < units.length - 1; unit++) value = Math.max(1, value / base);
  return `${rounded(value)}${units[unit]}`;
}
