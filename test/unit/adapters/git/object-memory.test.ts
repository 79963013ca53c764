import { expect, it } from 'vitest';
import { createObjectMemory } from '../../../../src/adapters/git/object-memory.js';

const known = (text: string) => ({
  header: { id: text, type: 'blob', size: text.length },
  body: Buffer.from(text),
});
const at = (command: string) => ({ directory: '/m', command });

it('recalls what was kept, for the same repository alone', () => {
  const memory = createObjectMemory();
  memory.keep(at('contents a'), known('A'));
  expect(memory.recall('/m', 'contents a')?.body.toString()).toBe('A');
  expect(memory.recall('/other', 'contents a')).toBeUndefined();
  expect(memory.recall('/m', 'info a')).toBeUndefined();
});

it('keeps a copy: what it was cut from may be overwritten and let go', () => {
  const memory = createObjectMemory();
  const large = Buffer.alloc(65_536, 'x');
  memory.keep(at('contents a'), { ...known(''), body: large.subarray(0, 3) });
  large.fill('y');
  expect(memory.recall('/m', 'contents a')?.body.toString()).toBe('xxx');
});

it('forgets what was used least lately, and stays within its limit', () => {
  const memory = createObjectMemory(2_000);
  for (const name of ['a', 'b', 'c']) memory.keep(at(name), known(name.repeat(300)));
  memory.recall('/m', 'a');
  memory.keep(at('d'), known('d'.repeat(300)));
  const kept = ['a', 'b', 'c', 'd'].filter((name) => memory.recall('/m', name) !== undefined);
  expect(kept).toEqual(['a', 'c', 'd']);
});
