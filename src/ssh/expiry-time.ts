const FORM = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z|UTC)?$/i;

/**
 * `YYYYMMDD[HHMM[SS]][Z]` (parse_absolute_time of OpenSSH's misc.c), in the runner's time zone where neither Z nor UTC follows.
 * Throws an Error for what is no time, also for 30 February.
 */
export function parseExpiryTime(text: string): Date {
  const [, ...fields] = FORM.exec(text) ?? [];
  const zone = fields.pop();
  const numbers = fields.map((digits) => Number(digits ?? 0));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  const time =
    zone === undefined
      ? new Date(year, month - 1, day, hour, minute, second)
      : new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // A day or an hour that there is none of runs over into the next month or day.
  const overrun = zone === undefined ? time.getMonth() : time.getUTCMonth();
  const valid = overrun === month - 1 && hour < 24 && minute < 60 && second < 61 && year >= 1970;
  if (!valid || Number.isNaN(time.getTime()))
    throw new Error(`'${text}' is no time: write it like 20261231 or 202612312359Z`);
  return time;
}
