import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createReader, uint32, wireString } from '../../../src/ssh/wire.js';

/** What the device does at a touch, as OpenSSH's PROTOCOL.u2f has it; each can be made wrong. */
export type Gesture = {
  flags?: number;
  /** Signs for this application instead of its own. */
  application?: string;
  /** Gives the first signature that it ever gave. */
  replay?: boolean;
  /** Changes the signature on its way. */
  bend?: (signature: Buffer) => Buffer;
};

/** A security key in software, behind an ssh-agent that holds it alone. */
export interface SecurityKey extends AsyncDisposable {
  /** For authorized_keys, without a newline. */
  line: string;
  blob: Buffer;
  /** What it does from now on; at first, what a device does: touched, not verified. */
  gesture: Gesture;
  signatures: number;
}

const PRESENT = 1;

export async function createSecurityKey(kind: 'ed25519' | 'ecdsa', socketPath: string): Promise<SecurityKey> {
  const type = kind === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const { publicKey, privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const bytes = (text: string) => Buffer.from(text, 'base64url');
  const fields =
    kind === 'ed25519' ? [bytes(x)] : ['nistp256', Buffer.concat([Buffer.from([4]), bytes(x), bytes(y)])];
  const blob = Buffer.concat([type, ...fields, 'ssh:'].map(wireString));
  let first: Buffer | undefined;

  const answer = (data: Buffer): Buffer => {
    const { flags = PRESENT, application = 'ssh:', replay, bend = (signature) => signature } = key.gesture;
    const counter = uint32(++key.signatures);
    const message = Buffer.concat([hash(application), Buffer.from([flags]), counter, hash(data)]);
    const raw =
      kind === 'ed25519'
        ? sign(null, message, privateKey)
        : integers(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    const made = Buffer.concat([wireString(type), wireString(raw), Buffer.from([flags]), counter]);
    first ??= made;
    return bend(replay ? first : made);
  };
  const server = createServer((socket) => serveAgent(socket, { blob: () => key.blob, answer }));
  server.listen(socketPath);
  await once(server, 'listening');
  const key: SecurityKey = {
    line: `${type} ${blob.toString('base64')} fido`,
    blob,
    gesture: {},
    signatures: 0,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
  return key;
}

/** draft-ietf-sshm-ssh-agent: 11 → 12 lists the key, 13 → 14 signs, all else is a failure (5). */
function serveAgent(socket: Socket, key: { blob: () => Buffer; answer: (data: Buffer) => Buffer }): void {
  let pending = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
      const message = pending.subarray(4, 4 + pending.readUInt32BE());
      pending = pending.subarray(4 + message.length);
      socket.write(wireString(reply(message, key)));
    }
  });
}

function reply(message: Buffer, key: { blob: () => Buffer; answer: (data: Buffer) => Buffer }): Buffer {
  const reader = createReader(message);
  const type = reader.byte();
  if (type === 11)
    return Buffer.concat([Buffer.from([12]), uint32(1), wireString(key.blob()), wireString('fido')]);
  if (type !== 13) return Buffer.from([5]);
  reader.string();
  return Buffer.concat([Buffer.from([14]), wireString(key.answer(reader.string()))]);
}

function integers(raw: Buffer): Buffer {
  const integer = (bytes: Buffer) => {
    const start = bytes.findIndex((byte) => byte !== 0);
    const short = bytes.subarray(start);
    return wireString(short[0]! & 0x80 ? Buffer.concat([Buffer.from([0]), short]) : short);
  };
  return Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
}

function hash(data: Buffer | string): Buffer {
  return createHash('sha256').update(data).digest();
}
