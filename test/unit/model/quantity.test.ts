import { expect, it } from 'vitest';
import { formatMemory, parseSize } from '../../../src/model/quantity.js';

it.each([
  ['512m', '512 MB'],
  ['1.5g', '1.5 GB'],
  ['64k', '64 KB'],
  ['1000', '1000 B'],
  ['1000m', '1000 MB'],
])('a limit of %s is shown as it was set: %s', (set, shown) => {
  expect(formatMemory(parseSize(set))).toBe(shown);
});
