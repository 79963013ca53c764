import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { assert as assertProperty, integer, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideAttempt } from '../../../src/ssh/authentication.js';
import { parseCertificate } from '../../../src/ssh/certificate.js';
import { readCertificateOptions } from '../../../src/ssh/certificate-options.js';
import { parseAuthorizedKeys } from '../../../src/ssh/keys.js';
import { uint32, wireString } from '../../../src/ssh/wire.js';

const NAME = 'ssh-ed25519-cert-v01@openssh.com';
const strings = (...parts: (string | Buffer)[]) => Buffer.concat(parts.map(wireString));
const uint64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { point, blob: strings('ssh-ed25519', point), secret: privateKey };
}

const [user, ca] = [keyPair(), keyPair()];
const now = new Date('2026-03-04T05:06:07Z');
const nowSeconds = BigInt(now.getTime() / 1000);

type Parts = {
  name: string;
  kind: number;
  principals: Buffer;
  after: bigint;
  before: bigint;
  critical: Buffer;
  extensions: Buffer;
  authority: Buffer;
  tail: Buffer;
  secret: KeyObject;
};

/** A certificate by PROTOCOL.certkeys, with whatever is wrong in it signed by the authority. */
function certificate(parts: Partial<Parts> = {}): Buffer {
  const {
    name = NAME,
    kind = 1,
    principals = strings('anybody'),
    after = 0n,
    before = 2n ** 64n - 1n,
  } = parts;
  const {
    critical = Buffer.alloc(0),
    extensions = Buffer.alloc(0),
    authority = ca.blob,
    tail = Buffer.alloc(0),
  } = parts;
  const signed = Buffer.concat([
    strings(name, 'nonce', user.point),
    ...[uint64(7n), uint32(kind), wireString('me'), wireString(principals), uint64(after), uint64(before)],
    ...[critical, extensions, '', authority].map(wireString),
  ]);
  return Buffer.concat([
    signed,
    wireString(strings('ssh-ed25519', sign(null, signed, parts.secret ?? ca.secret))),
    tail,
  ]);
}

const { keys } = parseAuthorizedKeys(`cert-authority ssh-ed25519 ${ca.blob.toString('base64')} the ca`);
const decide = (data: Buffer, algo = NAME) =>
  decideAttempt({ method: 'publickey', key: { algo, data } }, keys, {
    username: 'anybody',
    address: '192.0.2.1',
    now,
  });
const reasonOf = (data: Buffer, algo?: string) => {
  const decision = decide(data, algo);
  return decision.answer === 'reject' ? decision.reason : decision.answer;
};

describe('a certificate', () => {
  it('is answered with the algorithm that was asked for', () => {
    expect(decide(certificate())).toEqual({ answer: 'usable', algorithm: NAME });
  });

  it.each<[string, Partial<Parts>, string]>([
    ['of a host', { kind: 2 }, 'it is the certificate of a host'],
    ['of neither', { kind: 3 }, 'it is neither of a user nor of a host'],
    ['in its first second', { after: nowSeconds }, 'usable'],
    ['a second before', { after: nowSeconds + 1n }, 'it is not valid yet'],
    ['in its last second', { before: nowSeconds + 1n }, 'usable'],
    ['a second after', { before: nowSeconds }, 'it has expired'],
    ['for nobody', { principals: Buffer.alloc(0) }, 'none of its principals'],
    ['for a longer name', { principals: strings('anybody2') }, 'none of its principals'],
    ['for another case', { principals: strings('Anybody') }, 'none of its principals'],
    ['for a list in one name', { principals: strings('anybody,root') }, 'none of its principals'],
    ['for a pattern', { principals: strings('*') }, 'none of its principals'],
    ['with a NUL in a principal', { principals: strings('anybody\0x') }, 'holds a NUL'],
    [
      'with more principals than sshd takes',
      { principals: Buffer.concat(Array(257).fill(strings('x'))) },
      'more than 256',
    ],
    ['with half a principal', { principals: strings('anybody').subarray(0, -1) }, 'it is cut short'],
    [
      'with an unknown critical option',
      { critical: strings('verify', '') },
      "critical option 'verify' is not supported",
    ],
    ['with an option of objects', { critical: strings('constructor', '') }, "critical option 'constructor'"],
    [
      'with an extension as a critical option',
      { critical: strings('permit-pty', '') },
      "critical option 'permit-pty'",
    ],
    [
      'with a critical option as an extension',
      { extensions: strings('force-command', strings('x')) },
      'usable',
    ],
    [
      'with a critical option twice',
      { critical: strings('verify-required', '', 'verify-required', '') },
      'twice',
    ],
    [
      'with a value where none belongs',
      { critical: strings('verify-required', 'x') },
      'its verify-required is wrong',
    ],
    [
      'with half a force-command',
      { critical: strings('force-command', 'build') },
      'its force-command is wrong',
    ],
    [
      'with no source-address',
      { critical: strings('source-address', strings('')) },
      'its source-address is wrong',
    ],
    [
      'for elsewhere',
      { critical: strings('source-address', strings('198.51.100.0/24')) },
      'does not let it in',
    ],
    ['for here', { critical: strings('source-address', strings('198.51.100.0/24,192.0.2.0/24')) }, 'usable'],
    [
      'with an extension that has a value',
      { extensions: strings('permit-pty', 'x') },
      'its permit-pty is wrong',
    ],
    ['with something behind it', { tail: Buffer.from([0]) }, 'something follows its end'],
    ['of an unknown authority', { authority: keyPair().blob }, 'unknown authority SHA256:'],
    ['signed by somebody else', { secret: user.secret }, 'its signature is not that of its authority'],
    [
      'of an unknown kind of key',
      { name: 'ssh-dss-cert-v01@openssh.com' },
      'not a certificate of a key that may log in',
    ],
    ['under the name of another key', { name: 'ssh-rsa-cert-v01@openssh.com' }, 'certificate refused'],
    ['signed by a certificate', { authority: certificate() }, `its authority is no plain key: ${NAME}`],
  ])('%s', (_, parts, reason) => {
    expect(reasonOf(certificate(parts))).toContain(reason);
  });

  it('is refused under the name of another algorithm', () => {
    for (const name of ['ssh-rsa', 'ecdsa-sha2-nistp256', 'sk-ssh-ed25519'])
      expect(reasonOf(certificate(), `${name}-cert-v01@openssh.com`)).toContain('would sign with');
    expect(reasonOf(certificate(), 'ssh-ed25519')).toContain('unknown key');
  });

  it('is not a certificate when it is the key', () => {
    expect(reasonOf(user.blob)).toContain('not a certificate');
  });

  it('permits what its extensions permit', () => {
    const all = strings(
      'permit-X11-forwarding',
      '',
      'permit-agent-forwarding',
      '',
      'permit-port-forwarding',
      '',
      'permit-pty',
      '',
    );
    const { agent, forwarding, terminal } = readCertificateOptions(
      parseCertificate(certificate({ extensions: all }), () => true),
    );
    expect({ agent, forwarding, terminal }).toEqual({ agent: true, forwarding: true, terminal: true });
    const none = readCertificateOptions(parseCertificate(certificate(), () => true));
    expect(none).toMatchObject({ agent: false, forwarding: false, terminal: false, touchRequired: true });
  });

  it('is refused with any byte changed, and nothing but a decision comes of noise', () => {
    const whole = certificate({ extensions: strings('permit-pty', '') });
    assertProperty(
      property(integer({ min: 0, max: whole.length - 1 }), integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(whole);
        changed[at]! ^= change;
        expect(decide(changed).answer).toBe('reject');
        expect(decide(whole.subarray(0, at)).answer).toBe('reject');
      }),
    );
    assertProperty(
      property(uint8Array({ maxLength: 300 }), (noise) => {
        expect(decide(Buffer.concat([strings(NAME), noise])).answer).toBe('reject');
        const attempt = { method: 'publickey', key: { algo: NAME, data: whole }, blob: Buffer.from('x') };
        const visitor = { username: 'anybody', address: '192.0.2.1', now };
        expect(decideAttempt({ ...attempt, signature: Buffer.from(noise) }, keys, visitor).answer).toBe(
          'reject',
        );
      }),
    );
  });
});
