import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeControls, printable } from '../../../../src/output/terminal/printable.js';
import { fit } from '../../../../src/output/terminal/width.js';

describe('printable', () => {
  it.each([
    ['\x1b[1;31mred\x1b[0m', 'red'],
    ['\x1b]0;a title\x07text', 'text'],
    ['\x1b]8;;http://x.example\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['\x1bPq#0;2\x1b\\image', 'image'],
    ['\x9b2Jclear', 'clear'],
    ['\x1b(0lqk\x1b(B', 'lqk'],
    ['\x1b[', ''],
    ['cut \x1b', 'cut '],
    ['10%\r\x1b[K50%\r', '50%'],
    ['windows\r', 'windows'],
    ['\r\r', ''],
    ['a\tb', 'a       b'],
    ['世\tb', '世      b'],
    ['\ttwo\t', '        two     '],
    ['\u202edetrever\u2066', 'detrever'],
    ['bell\x07 back\b null\0 del\x7f nel\x85', 'bell back null del nel'],
    ['half \ud83d', 'half \ufffd'],
    ['👨‍👩‍👧 e\u0301', '👨‍👩‍👧 e\u0301'],
  ])('%j is shown as %j', (line, shown) => {
    expect(printable(line)).toBe(shown);
  });

  it('costs linear time on what looks like the beginning of sequences', () => {
    const million = 1_000_000;
    for (const start of ['\x1b', '\x1b[', '\x1b]', '\x9d', '\x1b[0;', '\t', '\r', '\x1b(']) {
      expect(
        printable(start.repeat(million / start.length))
          .trim()
          .replaceAll('0;', ''),
      ).toBe('');
    }
  });

  it('JSON means the same without its control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = escapeControls(`${JSON.stringify({ text })}\n`);
        expect(shown.trimEnd()).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e\u2066]/);
        expect(JSON.parse(shown)).toEqual({ text });
      }),
    );
  });
});

describe('fit', () => {
  it.each([
    ['plain text', 5, 'plain'],
    ['short', 80, 'short'],
    ['世界', 3, '世'],
    ['世界', 4, '世界'],
    ['a👨‍👩‍👧b', 3, 'a👨‍👩‍👧'],
    ['a👨‍👩‍👧b', 2, 'a'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301e\u0301'],
    ['anything', 0, ''],
    ['anything', -3, ''],
  ])('%j in %i columns is %j', (text, columns, fitting) => {
    expect(fit(text, columns)).toBe(fitting);
  });

  it('of a letter under ten thousand accents keeps a few', () => {
    expect(fit(`x${'\u0301'.repeat(10_000)}`, 20).length).toBeLessThan(200);
  });
});
