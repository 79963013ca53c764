import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { asNumber, asText, readMessage, writeMessage } from '../../../../src/adapters/buildkit/wire.js';

function fieldsOf(message: Buffer): [number, number | Buffer][] {
  const fields: [number, number | Buffer][] = [];
  readMessage(message, (field, value) => fields.push([field, value]));
  return fields;
}

test('what is written is read again', () => {
  fc.assert(
    fc.property(fc.nat(), fc.string({ minLength: 1, unit: 'grapheme' }), (number, text) => {
      const message = writeMessage()
        .integer(3, number + 1)
        .text(200, text)
        .finish();
      const [[field, value], [textField, textValue]] = fieldsOf(message) as [
        [number, number],
        [number, Buffer],
      ];
      expect([field, asNumber(value), textField, asText(textValue)]).toEqual([3, number + 1, 200, text]);
    }),
  );
});

test('integers have the bytes that the specification gives', () => {
  expect(writeMessage().integer(1, 150).finish().toString('hex')).toBe('089601');
  expect(writeMessage().integer(1, -2n).finish().toString('hex')).toBe('08feffffffffffffffff01');
  expect(writeMessage().integer(2, 0x8000_01edn).finish()).toEqual(
    writeMessage().integer(2, 0x8000_01ed).finish(),
  );
  expect(writeMessage().integer(1, 0).text(2, '').finish()).toHaveLength(0);
});

test('a message that is cut short throws', () => {
  const message = writeMessage().text(1, 'text').finish();
  for (let length = 1; length < message.length; length++) {
    expect(() => fieldsOf(message.subarray(0, length))).toThrow(RangeError);
  }
});
