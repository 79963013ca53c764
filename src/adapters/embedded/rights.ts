import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian and others have them; a service's PATH may lack the second half. */
export const PROGRAM_PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** Bits of CapEff, capability.h. */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 };
const PROGRAMS = ['dockerd', 'containerd', 'runc', 'iptables', 'ip', 'unshare', 'mount'];

export type Lacks = { rights: string[]; programs: string[] };

/** What this process lacks for an engine of its own. Both empty: it can start one, as far as can be told without doing so. */
export function lacksForEngine(): Lacks {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const lacking = Object.entries(CAPABILITIES).filter(([, bit]) => !((effective >> BigInt(bit)) & 1n));
  return {
    rights: [...(process.getuid?.() === 0 ? [] : ['to be root']), ...lacking.map(([name]) => name)],
    programs: PROGRAMS.filter((program) => !isInstalled(program)),
  };
}

function isInstalled(program: string): boolean {
  return PROGRAM_PATH.split(':').some((directory) => {
    if (directory === '') return false;
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
