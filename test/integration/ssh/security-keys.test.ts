import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dropKeyRing, makeKeyRing, run, startLab, type Lab } from './lab.js';
import { createSecurityKey, type Gesture, type SecurityKey } from './security-key.js';

const ring = makeKeyRing();
const kinds = ['ed25519', 'ecdsa'] as const;
type Kind = (typeof kinds)[number];
const keys = new Map<Kind, SecurityKey>();
const [TOUCHED, VERIFIED] = [1, 5];

beforeAll(async () => {
  for (const kind of kinds) {
    const key = await createSecurityKey(kind, ring.file(`${kind}.sock`));
    writeFileSync(ring.file(`${kind}.pub`), `${key.line}\n`);
    keys.set(kind, key);
  }
});
afterAll(async () => {
  for (const key of keys.values()) await key[Symbol.asyncDispose]();
  dropKeyRing(ring);
});

/** Logs in with OpenSSH, once for each gesture, and gives the exit codes and why the server refused one, as it logs that. */
async function logins(kind: Kind, options: string, gestures: Gesture[]) {
  const key = keys.get(kind)!;
  const lab = await startLab(ring, { handle: async () => 7, authorized: `${options}${key.line}\n` });
  const codes: (number | null)[] = [];
  for (const gesture of gestures) {
    key.gesture = gesture;
    codes.push((await login(lab, kind)).code);
  }
  const refused = codes.includes(255)
    ? await lab.logged(({ message }) => message === 'login refused')
    : undefined;
  await lab.server.end();
  return { codes, reason: refused?.fields['reason'] };
}

const login = ({ ssh }: Lab, kind: Kind) =>
  run('ssh', ['-o', `IdentityAgent=${ring.file(`${kind}.sock`)}`, ...ssh(`${kind}.pub`), 'h', 'x']);

describe.each(kinds)('a security key (%s)', (kind) => {
  it('logs in when it was touched, and is refused when it was not', async () => {
    const { codes, reason } = await logins(kind, '', [{ flags: TOUCHED }, { flags: VERIFIED }, { flags: 0 }]);
    expect(codes).toEqual([7, 7, 255]);
    expect(reason).toMatch(/^key SHA256:.*: nobody touched the security key$/);
  });

  it('logs in untouched with no-touch-required', async () => {
    expect((await logins(kind, 'no-touch-required ', [{ flags: 0 }])).codes).toEqual([7]);
  });

  it('has to verify its user with verify-required', async () => {
    const { codes, reason } = await logins(kind, 'verify-required ', [
      { flags: VERIFIED },
      { flags: TOUCHED },
    ]);
    expect(codes).toEqual([7, 255]);
    expect(reason).toContain('did not verify its user');
  });

  it.each<[string, Gesture]>([
    ['signs for another application', { application: 'https://forge.example' }],
    ['repeats what it signed for another connection', { replay: true }],
    // The flags are signed: nobody on the way can say that it was touched.
    ['has its flags changed on the way', { flags: 0, bend: (wire) => withFlags(wire, TOUCHED) }],
    [
      'has its counter changed on the way',
      { bend: (wire) => Buffer.concat([wire.subarray(0, -1), Buffer.of(99)]) },
    ],
    ['sends too little', { bend: (wire) => wire.subarray(0, -5) }],
    ['sends too much', { bend: (wire) => Buffer.concat([wire, Buffer.of(0)]) }],
  ])('is refused when it %s', async (_, gesture) => {
    const { codes, reason } = await logins(kind, '', [{}, gesture]);
    expect(codes).toEqual([7, 255]);
    expect(reason).toMatch(/^bad signature for key SHA256:/);
  });
});

function withFlags(wire: Buffer, flags: number): Buffer {
  const bent = Buffer.from(wire);
  bent[bent.length - 5] = flags;
  return bent;
}
