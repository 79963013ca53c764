const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `532B`, `12.30kB`: decimal units, two digits, as BuildKit's client prints sizes. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(2)}${UNITS[unit]}`;
}

/** Seconds since a step began, with fewer digits as they grow: `0.312`, `12.31`, `123.4`. */
export function formatOffset(seconds: number): string {
  const digits = seconds < 10 ? 3 : seconds < 100 ? 2 : 1;
  return Math.max(0, seconds).toFixed(digits);
}
