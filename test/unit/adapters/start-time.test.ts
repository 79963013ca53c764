import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startTime } from '../../../src/adapters/start-time.js';

it('tells a process from one that has ended and that nobody has asked after', async () => {
  // The shell becomes a program that never asks after the child it had, and that ends only then.
  const parent = spawn('sh', ['-c', 'sh -c "read line <&3" & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  try {
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const pid = Number(line.toString());
    while ((await readFile(`/proc/${parent.pid}/comm`, 'utf8')) !== 'sleep\n') await setTimeout(10);
    (parent.stdio[3] as Writable).end('\n');
    while (!/\) Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) await setTimeout(10);
    await expect(startTime(pid)).rejects.toThrow('has ended');
    expect(await startTime(parent.pid!)).toMatch(/^\d+$/);
  } finally {
    parent.kill('SIGKILL');
  }
});
