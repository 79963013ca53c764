import { readFile, writeFile } from 'node:fs/promises';
import { runProgram, tryProgram } from './command.js';

/**
 * A bridge of the engine's own, and the way from it into the world. dockerd's own rules are off: it would take the chains of another
 * Docker on this machine for its own, and empty them.
 */
const FORWARDING = '/proc/sys/net/ipv4/ip_forward';
const CHAINS = [
  { table: 'nat', parent: 'POSTROUTING' },
  { table: 'filter', parent: 'FORWARD' },
] as const;

/** Makes it anew. Rejects where the machine has no free network, or does not let us. */
export async function makeBridge(name: string): Promise<void> {
  await removeBridge(name);
  const network = await freeNetwork();
  await runProgram('ip', ['link', 'add', name, 'type', 'bridge']);
  await runProgram('ip', ['address', 'add', `${network}.1/24`, 'dev', name]);
  await runProgram('ip', ['link', 'set', name, 'up']);
  await openTheWay(name, `${network}.0/24`);
}

/** Safe twice, and for one that never was. */
export async function removeBridge(name: string): Promise<void> {
  await tryProgram('ip', ['link', 'delete', name]);
  for (const program of ['iptables', 'iptables-legacy']) {
    for (const { table, parent } of CHAINS) {
      const chain = (...words: string[]) => tryProgram(program, ['-w', '-t', table, ...words]);
      if (await chain('-F', name)) {
        await chain('-D', parent, '-j', name);
        await chain('-X', name);
      }
    }
  }
}

/** The first three numbers of a network that no route of the machine is in. */
async function freeNetwork(): Promise<string> {
  for (let n = 0; n < 256; n++) {
    const network = `10.214.${n}`;
    if (await isFree(`${network}.0/24`)) return network;
  }
  throw new Error('all networks of 10.214.0.0/16 are in use');
}

/** No route leads into a part of it, and only the default one to all of it (ip-route(8), `root` and `match`). */
async function isFree(network: string): Promise<boolean> {
  const routes = (which: string) => runProgram('ip', ['-4', 'route', 'show', 'table', 'all', which, network]);
  const [within, around] = [await routes('root'), await routes('match')];
  return within.trim() === '' && around.split('\n').every((line) => /^\s*$|^default\b/.test(line));
}

async function openTheWay(bridge: string, network: string): Promise<void> {
  const iptables = await workingIptables();
  const filter = (table: string, ...words: string[]) => runProgram(iptables, ['-w', '-t', table, ...words]);
  if ((await readFile(FORWARDING, 'latin1')).trim() !== '1') {
    // As dockerd does it: the machine shall not become everybody's router.
    await filter('filter', '-P', 'FORWARD', 'DROP');
    await writeFile(FORWARDING, '1');
  }
  for (const { table, parent } of CHAINS) {
    await filter(table, '-N', bridge);
    await filter(table, '-I', parent, '-j', bridge);
  }
  await filter('nat', '-A', bridge, '-s', network, '!', '-o', bridge, '-j', 'MASQUERADE');
  await filter('filter', '-A', bridge, '-i', bridge, '-j', 'ACCEPT');
  const answers = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'];
  await filter('filter', '-A', bridge, '-o', bridge, ...answers, '-j', 'ACCEPT');
}

/** Debian's iptables speaks nftables, which the kernel of a container's host may not have loaded. */
async function workingIptables(): Promise<string> {
  if (await tryProgram('iptables', ['-w', '-t', 'nat', '-S', 'POSTROUTING'])) return 'iptables';
  await runProgram('iptables-legacy', ['-w', '-t', 'nat', '-S', 'POSTROUTING']);
  return 'iptables-legacy';
}
