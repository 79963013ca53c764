import { createHash } from 'node:crypto';
import { uint32 } from './wire.js';

/** What a FIDO device says beside its signature (OpenSSH's PROTOCOL.u2f). The counter is signed, and nobody keeps count here. */
export type DeviceReport = { flags: number; counter: number };

/** What the owner of a security key has to do at each login. */
export type DeviceDemands = { touch: boolean; verification: boolean };

const PRESENT = 0x01;
const VERIFIED = 0x04;

/** What the device has signed: the application's hash, flags, counter, and the hash of the message. */
export function deviceMessage(
  application: Buffer,
  { flags, counter }: DeviceReport,
  message: Buffer,
): Buffer {
  return Buffer.concat([sha256(application), Buffer.from([flags]), uint32(counter), sha256(message)]);
}

/** Why a login is not enough, in words for the log; undefined: it is. */
export function unmetDemand({ flags }: DeviceReport, { touch, verification }: DeviceDemands) {
  if (touch && (flags & PRESENT) === 0) return 'nobody touched the security key';
  if (verification && (flags & VERIFIED) === 0) return 'the security key did not verify its user';
  return undefined;
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
