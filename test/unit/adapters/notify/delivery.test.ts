import { describe, expect, test } from 'vitest';
import { isForbidden } from '../../../../src/adapters/notify/addresses.js';
import { DeliveryError } from '../../../../src/adapters/notify/delivery-error.js';
import { deliver } from '../../../../src/adapters/notify/delivery.js';
import { retryAfter } from '../../../../src/adapters/retry-after.js';
import { fakeClock } from '../../../fakes/ports.js';

const never = new AbortController().signal;

describe('tries', () => {
  const failing = (...errors: Error[]) => {
    const clock = fakeClock();
    let tries = 0;
    const attempt = () => Promise.reject(errors[Math.min(tries++, errors.length - 1)]!);
    const outcome = deliver(attempt, { clock, timeout: 1000, signal: never }).then(
      () => 'delivered',
      (error: Error) => error.message,
    );
    return outcome.then((message) => ({ message, tries, waited: clock.waited }));
  };
  const busy = (after?: string) => new DeliveryError('429', { transient: true, retryAfter: after });

  test('are three, with growing pauses', async () => {
    expect(await failing(busy())).toEqual({ message: '429', tries: 3, waited: [500, 1000] });
  });

  test('are one where nothing will change', async () => {
    expect(await failing(new DeliveryError('404'))).toEqual({ message: '404', tries: 1, waited: [] });
    expect(await failing(new TypeError('a bug'))).toMatchObject({ tries: 1 });
  });

  test('wait as long as they are asked to, at least as long as the pause', async () => {
    expect(await failing(busy('30'), busy('0'))).toMatchObject({ tries: 3, waited: [30_000, 1000] });
  });

  test('end where the other side asks for more than 30 s', async () => {
    expect(await failing(busy('31'))).toEqual({
      message: '429, and asks to wait 31 s',
      tries: 1,
      waited: [],
    });
  });

  test('end with the build', async () => {
    const stop = new AbortController();
    const clock = fakeClock();
    let tries = 0;
    const attempt = () => {
      if (++tries === 1) stop.abort();
      return Promise.reject(busy());
    };
    await expect(deliver(attempt, { clock, timeout: 1000, signal: stop.signal })).rejects.toThrow(/abort/);
    expect([tries, clock.waited]).toEqual([1, []]);
  });
});

test.each([
  [undefined, 0],
  ['7', 7000],
  ['Thu, 01 Jan 2026 00:00:20 GMT', 20_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['soon', 0],
])('Retry-After: %s', (header, ms) => {
  expect(retryAfter(header, new Date('2026-01-01T00:00:00Z'))).toBe(ms);
});

describe('addresses that nothing is sent to', () => {
  test.each([
    '169.254.169.254',
    '169.254.0.1',
    '::ffff:169.254.169.254',
    '[::ffff:a9fe:a9fe]',
    '64:ff9b::a9fe:a9fe',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    '[fe80::1]',
    'fd00:ec2::254',
    '100.100.100.200',
    '::ffff:100.100.100.200',
  ])('%s', (address) => {
    expect(isForbidden(address)).toBe(true);
  });

  test.each([
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '8.8.8.8',
    '::1',
    'fec0::1',
    'fd00::1',
    'example.com',
    '169.254.evil',
  ])('%s is none', (address) => {
    expect(isForbidden(address)).toBe(false);
  });
});
