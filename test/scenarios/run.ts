import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program and gives its stdout; rejects when it fails. */
export async function run(
  program: string,
  words: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { stdout } = await execute(program, words, {
    maxBuffer: 2 ** 28,
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  return stdout;
}
