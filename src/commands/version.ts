import { createPump } from '../output/pump.js';
import type { Invocation, Services } from './invocation.js';

/** `version` */
export async function version({ stdout }: Invocation, services: Services): Promise<number> {
  await createPump(stdout)(`buildbot ${services.version}\n`);
  return 0;
}
