/** The header Retry-After (RFC 9110, 10.2.3), seconds or a date → milliseconds from now; 0 for none, or one that says nothing. */
export function retryAfter(header: string | undefined, now: Date): number {
  if (header === undefined) return 0;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now.getTime();
  return Number.isNaN(wait) ? 0 : Math.max(wait, 0);
}
