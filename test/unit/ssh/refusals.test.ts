import { expect, it } from 'vitest';
import { createRefusals, refusalLimits } from '../../../src/ssh/refusals.js';

function listen() {
  const lines: { message: string; fields: object }[] = [];
  const write = (fields: object, message: string) => void lines.push({ message, fields: { ...fields } });
  return { lines, refusals: createRefusals({ info: write, warn: write, error: write }) };
}

it('writes the first of its kind, and counts the others', () => {
  const { lines, refusals } = listen();
  for (let count = 0; count < 10_000; count++) refusals.note('192.0.2.1', 'login refused', 'no key');
  refusals.note('192.0.2.1', 'login refused', 'another reason');
  refusals.note('192.0.2.1', 'session refused', 'no key');
  refusals.note('192.0.2.2', 'login refused', 'no key');
  refusals.flush();
  expect(lines).toEqual([
    { message: 'login refused', fields: { address: '192.0.2.1', reason: 'no key' } },
    { message: 'login refused', fields: { address: '192.0.2.1', reason: 'another reason' } },
    { message: 'session refused', fields: { address: '192.0.2.1', reason: 'no key' } },
    { message: 'login refused', fields: { address: '192.0.2.2', reason: 'no key' } },
    { message: 'login refused, repeatedly', fields: { address: '192.0.2.1', count: 9_999, seconds: 60 } },
  ]);
});

it('is not drowned by reasons that are made up', () => {
  const { lines, refusals } = listen();
  for (let count = 0; count < 1_000; count++) refusals.note('192.0.2.1', 'login refused', `reason ${count}`);
  refusals.flush();
  expect(lines).toHaveLength(refusalLimits.reasons + 1);
  expect(lines.at(-1)?.fields).toMatchObject({ count: 1_000 - refusalLimits.reasons });
});

it('is not drowned by addresses: a network of IPv6 is one, and beyond so many all count together', () => {
  const { lines, refusals } = listen();
  for (let count = 0; count < 1_000; count++)
    refusals.note(`2001:db8::${count.toString(16)}`, 'login refused', 'no key');
  expect(lines).toHaveLength(1);
  for (let count = 0; count < 5_000; count++)
    refusals.note(`10.0.${count >> 8}.${count & 255}`, 'login refused', `reason ${count}`);
  refusals.flush();
  expect(lines.length).toBeLessThan(refusalLimits.addresses + 20);
  expect(lines.at(-1)?.fields).toMatchObject({ address: 'many addresses' });
});
