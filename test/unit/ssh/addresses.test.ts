import { describe, expect, it } from 'vitest';
import { checkFrom, isFrom, parseSourceAddresses } from '../../../src/ssh/addresses.js';

describe('isFrom', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '192.0.2.1', false],
    ['192.0.2.*', '192.0.2.77', true],
    ['192.0.2.?', '192.0.2.77', false],
    ['*', '2001:db8::1', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/33', '2001:db8:ffff::1', false],
    ['2001:DB8:0:0::1', '2001:db8::1', true],
    ['2001:DB8::*', '2001:db8::1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    // One client, whatever the socket listens on.
    ['192.0.2.7', '::ffff:192.0.2.7', true],
    ['192.0.2.0/24', '::ffff:c000:207', true],
    ['::ffff:192.0.2.0/120', '192.0.2.7', true],
    ['::ffff:192.0.2.7', '192.0.2.7', true],
    ['192.0.2.*', '::ffff:192.0.2.7', true],
    ['10.0.0.0/8,192.0.2.7', '192.0.2.7', true],
    ['192.0.2.0/24,!192.0.2.7', '192.0.2.8', true],
    ['192.0.2.0/24,!192.0.2.7', '192.0.2.7', false],
    ['!192.0.2.7,192.0.2.0/24', '::ffff:192.0.2.7', false],
    ['!192.0.2.7', '192.0.2.8', false],
    ['*', 'unknown', false],
  ])('%s, %s: %s', (list, client, expected) => {
    expect(isFrom(list.split(',').map(checkFrom), client)).toBe(expected);
  });
});

describe('parseSourceAddresses', () => {
  it.each(['192.0.2.*', '!192.0.2.1', 'host.example', '192.0.2.1, 192.0.2.2', ''])('refuses %s', (text) => {
    expect(() => parseSourceAddresses(text)).toThrow('is no address');
  });
});
