import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { vi } from 'vitest';
import { lab } from '../lab/environment.js';
import { docker } from '../scenarios/engine.js';
import { run } from '../scenarios/run.js';

/** The lab's own engine, to be broken. What it ran lives on where the signal does not say otherwise: test/lab/engine-init. */
export interface Dockerd {
  /** Ends it, and waits until it has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again, and waits until it answers. Safe where it runs. */
  start(): Promise<void>;
  /** Stops it as a full disk or a swapping machine does: it takes connections, and answers nothing. */
  freeze(): void;
  thaw(): void;
}

export async function findDockerd(): Promise<Dockerd> {
  const state = dirname(lab('DOCKER_HOST').replace(/^unix:\/\//, ''));
  const again = join(state, 'engine', 'again');
  if (!existsSync(again)) await run('mkfifo', [again]);
  let pid = await pidOf(state);
  return {
    async end(signal) {
      process.kill(pid!, signal);
      await vi.waitUntil(async () => !(await isAlive(pid!)), { timeout: 60_000 });
      pid = undefined;
    },
    async start() {
      if (pid !== undefined) return;
      await writeFile(again, 'go\n');
      await vi.waitFor(() => docker.ping(), { timeout: 60_000 });
      pid = await pidOf(state);
    },
    freeze: () => void process.kill(pid!, 'SIGSTOP'),
    thaw: () => void process.kill(pid!, 'SIGCONT'),
  };
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}

async function pidOf(state: string): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words[0] === 'dockerd' && words.includes(join(state, 'engine', 'daemon.json'))) return Number(name);
  }
  return undefined;
}
