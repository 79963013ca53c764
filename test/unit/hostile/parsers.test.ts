import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitStdin } from '../../../src/commands/split-stdin.js';
import { Failure } from '../../../src/model/errors.js';
import { parseCredentials } from '../../../src/request/credentials.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';
import { checkFrom, isFrom, networkOf } from '../../../src/ssh/addresses.js';
import { parseCertificate } from '../../../src/ssh/certificate.js';
import { parseAuthorizedKeys } from '../../../src/ssh/keys.js';
import { importPublicKey, keyTypes } from '../../../src/ssh/publickey.js';
import { parseSignature, restoreSignature } from '../../../src/ssh/signature.js';
import { createReader, uint32, WireError, wireString } from '../../../src/ssh/wire.js';

const never = new AbortController().signal;
const limit = 2 ** 20;
const split = async (bytes: Buffer) => {
  const { rest } = await splitStdin(Readable.from([bytes]), { limit, signal: never });
  return buffer(rest);
};

const readStrings = (data: Buffer) => {
  const reader = createReader(data);
  while (!reader.atEnd()) reader.string();
};

/** Whether it throws nothing, or an error of its own kind, with one line that is not the whole input. */
async function staysCivil(act: () => unknown, isOwn: (error: Error) => boolean): Promise<void> {
  try {
    await act();
  } catch (error) {
    expect(error).toSatisfy(isOwn);
    expect((error as Error).message).toMatch(/^.{1,2000}$/su);
  }
}
const isFailure =
  (...codes: string[]) =>
  (error: Error) =>
    error instanceof Failure && codes.includes(error.code);
const isWireError = (error: Error) => error instanceof WireError;
/** What is written into the log as the reason: made by hand, neither a bug of ours (TypeError, RangeError) nor OpenSSL's. */
const isPlainError = (error: Error) => Object.getPrototypeOf(error) === Error.prototype && !('code' in error);

/** Text that looks like what is expected, cut and mixed with what is not. */
const mixed = (...words: string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 8 })), {
      maxLength: 40,
    })
    .map((parts) => parts.join(''));

const bytes = fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data));
/** Strings of the wire format, with true and false lengths, and algorithms' names among them. */
const wire = fc
  .array(
    fc.oneof(
      bytes.map(wireString),
      bytes,
      fc.nat(0xffffffff).map(uint32),
      fc
        .constantFrom(...keyTypes, 'ssh-ed25519-cert-v01@openssh.com', 'rsa-sha2-512', 'nistp256')
        .map(wireString),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map(wireString),
      fc.uint8Array({ minLength: 65, maxLength: 65 }).map((point) => wireString(point.fill(4, 0, 1))),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

const commandText = mixed(
  'build',
  'status',
  ' ',
  '--',
  '-t',
  '=',
  '"',
  "'",
  '\\',
  '\n',
  '--no-push',
  '--repo',
  'x',
);
const keysText = mixed(
  'ssh-ed25519',
  ' ',
  '"',
  ',',
  'from=',
  '\\"',
  'cert-authority',
  '\n',
  'AAAAC3NzaC1lZDI1',
  '*',
);
const yamlText = mixed(
  'git',
  ': ',
  '\n',
  '  ',
  '- ',
  '{',
  '}',
  '[',
  '"',
  '&a ',
  '*a',
  '|',
  '!!x ',
  'sshKey',
  '---\n',
);
const addressText = mixed('1', '255', '.', ':', '::', '/', '32', '*', '?', '!', 'ffff', '%eth0', '127.0.0.1');

describe('what strangers and callers send throws nothing but what it should', () => {
  it.each<[string, fc.Arbitrary<string>, (text: string) => unknown, (error: Error) => boolean]>([
    ['splitCommand', commandText, splitCommand, isFailure('USAGE')],
    [
      'parseCommand',
      commandText,
      (text) => parseCommand(text.split(' '), { local: false }),
      isFailure('USAGE', 'NOT_SUPPORTED'),
    ],
    ['parseAuthorizedKeys', keysText, (text) => parseAuthorizedKeys(text), () => false],
    ['parseCredentials', yamlText, parseCredentials, isFailure('CREDENTIALS_INVALID')],
    ['checkFrom', addressText, checkFrom, isPlainError],
    ['networkOf', addressText, networkOf, () => false],
    ['isFrom', addressText, (text) => isFrom(['10.0.0.0/8', '!10.1.*', '2001:db8::/32'], text), () => false],
    ['splitStdin', yamlText, (text) => split(Buffer.from(text)), isFailure('USAGE')],
  ])('%s', async (_, texts, parse, isOwn) => {
    await fc.assert(
      fc.asyncProperty(texts, (text) => staysCivil(() => parse(text), isOwn)),
      { numRuns: 400 },
    );
  });

  it.each<[string, (data: Buffer) => unknown, (error: Error) => boolean]>([
    ['createReader', readStrings, isWireError],
    ['parseSignature', parseSignature, isWireError],
    ['restoreSignature', (data) => restoreSignature('sk-ssh-ed25519@openssh.com', data), isWireError],
    ['importPublicKey', (data) => importPublicKey('ssh-rsa', data), isPlainError],
    [
      'importPublicKey with a name before it',
      (data) =>
        importPublicKey('ecdsa-sha2-nistp256', Buffer.concat([wireString('ecdsa-sha2-nistp256'), data])),
      isPlainError,
    ],
    ['parseCertificate', (data) => parseCertificate(data, () => true), isPlainError],
    [
      'parseCertificate with a name before it',
      (data) =>
        parseCertificate(Buffer.concat([wireString('ssh-ed25519-cert-v01@openssh.com'), data]), () => true),
      isPlainError,
    ],
    ['splitStdin', split, isFailure('USAGE')],
  ])('%s, of bytes', async (_, parse, isOwn) => {
    await fc.assert(
      fc.asyncProperty(wire, (data) => staysCivil(() => parse(data), isOwn)),
      { numRuns: 400 },
    );
  });
});
