import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { splitStdin } from '../../../src/commands/split-stdin.js';
import { parseCredentials } from '../../../src/request/credentials.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';
import { isFrom } from '../../../src/ssh/addresses.js';
import { parseCertificate } from '../../../src/ssh/certificate.js';
import { parseAuthorizedKeys } from '../../../src/ssh/keys.js';
import { createReader, uint32, wireString } from '../../../src/ssh/wire.js';
import { countBlocks, cpu } from './work.js';

const never = new AbortController().signal;
const split = async (bytes: Buffer) => {
  const { rest } = await splitStdin(Readable.from([bytes]), { limit: 2 ** 20, signal: never });
  return buffer(rest);
};

const SMALL = 2_000;
const swallow = async (act: () => unknown) => {
  try {
    await act();
  } catch {
    // What it says is the tests' above.
  }
};

/** An input of some size that would be slow for a parser that looks at anything twice. */
const long: [string, (size: number) => () => unknown][] = [
  ['a command of words', (size) => () => splitCommand('a '.repeat(size))],
  ['a command of pieces', (size) => () => splitCommand(`'a'"b"\\c`.repeat(size))],
  ['a command of blanks', (size) => () => splitCommand(`a${' '.repeat(size)}b`)],
  ['a quote that does not end', (size) => () => splitCommand(`"${'\\a'.repeat(size)}`)],
  ['operands', (size) => () => parseCommand(['status', ...Array<string>(size).fill('x')], { local: false })],
  [
    'a flag again and again',
    (size) => () => parseCommand(['build', ...Array<string>(size).fill('-tx')], { local: false }),
  ],
  ['a long flag', (size) => () => parseCommand(['build', `--${'x'.repeat(size)}`], { local: false })],
  [
    'a login command',
    (size) => () =>
      parseCommand(['build', '--docker-login-cmd', 'docker', 'login', ...Array<string>(size).fill("'")], {
        local: false,
      }),
  ],
  ['lines of keys', (size) => () => parseAuthorizedKeys('ssh-ed25519 AAAA\n'.repeat(size))],
  ['options of a key', (size) => () => parseAuthorizedKeys(`${'pty,'.repeat(size)}pty ssh-ed25519 AAAA`)],
  ['quotes of a key', (size) => () => parseAuthorizedKeys(`from="${'\\"'.repeat(size)}" ssh-ed25519 AAAA`)],
  ['blanks of a key', (size) => () => parseAuthorizedKeys(`ssh-ed25519${' '.repeat(size)}AAAA`)],
  [
    'entries of from=',
    (size) => () => parseAuthorizedKeys(`from="${'10.0.0.1,'.repeat(size)}*" ssh-ed25519 AAAA`),
  ],
  ['a pattern of from=', (size) => () => isFrom(['*1'.repeat(size)], '111.111.111.111')],
  [
    'strings on the wire',
    (size) => {
      const data = Buffer.concat(Array<Buffer>(size).fill(wireString('x')));
      return () => {
        const reader = createReader(data);
        while (!reader.atEnd()) reader.string();
      };
    },
  ],
  [
    'principals and options of a certificate',
    (size) => {
      const list = wireString(Buffer.concat(Array<Buffer>(size).fill(wireString('x'))));
      const head = ['ssh-ed25519-cert-v01@openssh.com', 'nonce', Buffer.alloc(32, 1)].map((field) =>
        wireString(field),
      );
      const certificate = Buffer.concat([...head, Buffer.alloc(8), uint32(1), wireString('id'), list]);
      return () => parseCertificate(certificate, () => true);
    },
  ],
  [
    'a document of lines',
    (size) => () =>
      parseCredentials(`secrets:\n${Array.from({ length: size / 4 }, (_, at) => `  K${at}: v\n`).join('')}`),
  ],
  ['a document that is one text', (size) => () => parseCredentials(`knownHosts: "${'x '.repeat(size)}"`)],
  ['a document of aliases', (size) => () => parseCredentials(`a: &a {}\nb: [${'*a,'.repeat(size / 2)}]`)],
  ['stdin of lines', (size) => () => split(Buffer.from('a: b\n'.repeat(size)))],
  ['stdin of dashes', (size) => () => split(Buffer.from('-'.repeat(size)))],
];

const blocks = await countBlocks();

// Quadratic would be 64 times. Now and then V8 forgets a part of its counters.
describe('eight times the input is eight times the work', () => {
  it.each(long)('%s: counted', async (_, make) => {
    await swallow(make(SMALL));
    const small = await blocks(() => swallow(make(SMALL)));
    const large = await blocks(() => swallow(make(8 * SMALL)));
    expect(large).toBeLessThan(16 * small + 1_000);
  });

  it.each(long)("%s: of the processor's time", async (_, make) => {
    const [small, large] = [make(SMALL), make(8 * SMALL)];
    await swallow(large);
    const once = await cpu(() => swallow(small));
    expect(await cpu(() => swallow(large), 3)).toBeLessThan(24 * once + 20);
  });
});
