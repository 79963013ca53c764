import { isIPv4, isIPv6 } from 'node:net';
import { matchesList, matchesPattern } from '../model/pattern.js';

/** Bytes of an IP address, 4 or 16; IPv4 in IPv6 (RFC 4291 §2.5.5.2) counts as IPv4. */
type Address = Uint8Array;
type Network = { address: Address; bits: number };

/**
 * One entry of `from=`: an address, a network (CIDR), or an address with `*` and `?`, each with or without `!`. Throws an Error that says
 * what is wrong: host names above all, since nobody is looked up, so that a `!` in front of one would be idle.
 */
export function checkFrom(entry: string): string {
  const pattern = entry.replace(/^!/, '');
  if (!/[*?]/.test(pattern)) parseNetwork(pattern);
  else if (!/^[0-9A-Fa-f:.*?]+$/.test(pattern))
    throw new Error(`'${entry}' is no address: names are not looked up`);
  return entry;
}

/** Whether a client's address fits a list of such entries (addr_match_list of OpenSSH's addrmatch.c). */
export function isFrom(list: readonly string[], client: string): boolean {
  const text = plain(client);
  const address = parseAddress(text);
  if (address === undefined) return false;
  const fits = (entry: string) =>
    /[*?]/.test(entry) ? matchesPattern(entry.toLowerCase(), text) : contains(parseNetwork(entry), address);
  return matchesList(list, { permits: fits, forbids: fits });
}

/** `source-address` of a certificate: addresses and networks alone (addr_match_cidr_list). Throws as `checkFrom`. */
export function parseSourceAddresses(text: string): readonly string[] {
  const entries = text.split(',');
  for (const entry of entries) parseNetwork(entry);
  return entries;
}

function parseNetwork(text: string): Network {
  const [, host = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(host);
  if (address === undefined) throw new Error(`'${text}' is no address: names are not looked up`);
  // A network that was written as IPv4 in IPv6 has the 96 bits in front that are left out.
  const hidden = isIPv6(host) && address.length === 4 ? 96 : 0;
  const bits = length === undefined ? address.length * 8 : Number(length) - hidden;
  if (bits < 0 || bits > address.length * 8) throw new Error(`'${text}' has a prefix of a wrong length`);
  // As in sshd: more likely a slip than a network.
  if (hasHostBits(address, bits)) throw new Error(`'${text}' has bits set behind its prefix`);
  return { address, bits };
}

function contains({ address: network, bits }: Network, address: Address): boolean {
  if (network.length !== address.length) return false;
  return network.every((byte, index) => ((byte ^ address[index]!) & maskByte(bits, index)) === 0);
}

function hasHostBits(address: Address, bits: number): boolean {
  return address.some((byte, index) => (byte & ~maskByte(bits, index) & 0xff) !== 0);
}

function maskByte(bits: number, index: number): number {
  const left = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - left)) & 0xff;
}

/** Whoever has an IPv6 address mostly has a network of 64 bits of them (RFC 6177): it counts as one. */
export function networkOf(client: string): string {
  const address = parseAddress(plain(client));
  if (address === undefined || address.length === 4) return plain(client);
  return `${Buffer.from(address.subarray(0, 8)).toString('hex')}/64`;
}

/** A socket that listens on :: sees IPv4 clients as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown';
}

/** As the client's address is compared with wildcards: lower case, no zone, IPv4 in IPv6 as IPv4. */
function plain(address: string): string {
  return address
    .toLowerCase()
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
}

function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const bytes = parseIPv6(text);
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.subarray(12) : bytes;
}

// The URL parser writes any spelling as eight groups at most, in hexadecimal alone.
function parseIPv6(text: string): Address {
  const { hostname } = new URL(`http://[${text}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const all = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
