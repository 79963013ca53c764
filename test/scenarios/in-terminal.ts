import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createScreen } from '../fakes/terminal.js';
import { credentials } from './repository.js';
import { run } from './run.js';
import type { Runner } from './runner.js';

export type TerminalOptions = { columns?: number; rows?: number; environment?: Record<string, string> };

/** A command over ssh in a pseudo-terminal of a size, its output on the screen of an emulator that ends lines as it is told. */
export function openInTerminal(
  runner: Runner,
  command: string,
  { columns = 80, rows = 24, environment = {} }: TerminalOptions = {},
) {
  const names = ['BUILDBOT_CREDENTIALS', 'NO_COLOR'];
  const ssh = `ssh -tt -F ${join(runner.directory, 'ssh_config')} -o 'SendEnv=${names.join(' ')}' buildbot "${command}"`;
  // The first line names the terminal.
  const inside = `tty; stty cols ${columns} rows ${rows}; exec ${ssh}`;
  const child = spawn('script', ['-qefc', inside, '/dev/null'], {
    stdio: 'pipe',
    env: {
      ...process.env,
      TERM: 'xterm-256color',
      SHELL: '/bin/sh',
      BUILDBOT_CREDENTIALS: credentials(),
      ...environment,
    },
  });
  const screen = createScreen({ columns, rows });
  const closed = once(child, 'close') as Promise<[number]>;
  let device = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const end = device.endsWith('\n') ? 0 : text.indexOf('\n') + 1;
    device += text.slice(0, end);
    if (end < text.length) screen.write(text.slice(end));
  });
  return {
    screen,
    type: (keys: string) => child.stdin.write(keys),
    /** The client dies, and says nothing. */
    kill: () => child.kill('SIGKILL'),
    /** The exit code. */
    ended: async () => (await closed)[0],
    async resize(columns: number, rows: number) {
      await screen.resize(columns, rows);
      await run('stty', ['-F', device.trim(), 'cols', String(columns), 'rows', String(rows)]);
    },
    /** Resolves once the screen shows it; the test's own timeout is the limit. */
    async shows(what: RegExp) {
      while (!what.test((await screen.visible()).join('\n'))) await setTimeout(20);
    },
  };
}
