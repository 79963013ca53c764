import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { DeliveryError } from './delivery-error.js';

// Link-local addresses and the metadata services of clouds outside that range, which give away the machine's
// own credentials. Whoever names a URL is a caller, and callers must not read those.
const metadata = new BlockList();
metadata.addSubnet('169.254.0.0', 16);
metadata.addSubnet('fe80::', 10, 'ipv6');
// EC2's over IPv6, Alibaba's, and 169.254.0.0/16 behind NAT64 (RFC 6052).
metadata.addAddress('fd00:ec2::254', 'ipv6');
metadata.addAddress('100.100.100.200');
metadata.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');

/** True for an address, not a name, that no notification may go to. Loopback and private ones are allowed. */
export function isForbidden(address: string): boolean {
  const [plain = ''] = address.replace(/^\[|\]$/g, '').split('%');
  const version = isIP(plain);
  return version !== 0 && metadata.check(plain, version === 6 ? 'ipv6' : 'ipv4');
}

/** Before connecting: an address that is written out is never looked up. */
export function checkHost(host: string): void {
  if (isForbidden(host)) throw forbidden(host);
}

/**
 * dns.lookup for a connection. It judges the very addresses that are connected to, so that a name cannot
 * change its mind in between.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '');
    if (addresses.some(({ address }) => isForbidden(address))) return callback(forbidden(hostname), '');
    if (options.all) return callback(null, addresses);
    const [first] = addresses as [LookupAddress];
    callback(null, first.address, first.family);
  });
};

function forbidden(host: string): DeliveryError {
  return new DeliveryError(`${host} is a link-local or metadata address: refused`);
}
