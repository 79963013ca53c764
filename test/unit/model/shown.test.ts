import { expect, test } from 'vitest';
import { shown } from '../../../src/model/shown.js';

test.each([
  ['user:pw@forge.example:x.git', '***@forge.example:x.git'],
  ['https://user:pw/secret@forge.example/x', 'https://***@forge.example/x'],
  ['https://token@forge.example/x', 'https://***@forge.example/x'],
  ['https://u:pa ss@h.example/x', 'https://***@h.example/x'],
  ["https://u:pa'ss@h.example/x", 'https://***@h.example/x'],
  ["it's user:pw@host here", "it's ***@host here"],
  ['git@forge.example:team/app.git', 'git@forge.example:team/app.git'],
  ['https://forge.example/a@v1', 'https://forge.example/a@v1'],
  [`r.example/app:1@sha256:${'0'.repeat(20)}`, `r.example/app:1@sha256:${'0'.repeat(20)}`],
  ['a\u0007b\u2028c', 'a?b?c'],
])('%j → %j', (text, expected) => expect(shown(text)).toBe(expected));

test('it is cut', () => expect(shown('x'.repeat(200), 20)).toBe(`${'x'.repeat(17)}...`));
