import { cpus, totalmem, release } from 'node:os';
import { run } from './command.js';
import type { World } from './world.js';

export type Machine = {
  cores: number;
  memoryGB: number;
  processor: string;
  versions: Record<string, string>;
};

/** What the numbers depend on; nothing that names the machine. */
export async function describeMachine({ environment }: World): Promise<Machine> {
  const docker = (format: string) => run('docker', ['version', '--format', format], { environment });
  return {
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    versions: {
      kernel: release(),
      node: process.version,
      'docker engine': (await docker('{{.Server.Version}}')).trim(),
      'docker client': (await docker('{{.Client.Version}}')).trim(),
      git: (await run('git', ['--version'])).replace('git version ', '').trim(),
      openssh: (await run('sh', ['-c', 'ssh -V 2>&1'])).split(',')[0]!.trim(),
    },
  };
}
