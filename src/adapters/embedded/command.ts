import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PROGRAM_PATH } from './rights.js';

const execute = promisify(execFile);

/** Milliseconds that `ip` and `iptables` have; the latter waits for its lock. */
const PATIENCE = 10_000;

/** Runs a program and gives its stdout. Rejects with what it said where its exit code is not 0. */
export async function runProgram(program: string, words: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, words, {
    timeout: PATIENCE,
    env: { PATH: PROGRAM_PATH, LC_ALL: 'C' },
  });
  return stdout;
}

/** The same, for what may well fail. Says whether it went well. */
export async function tryProgram(program: string, words: readonly string[]): Promise<boolean> {
  return runProgram(program, words).then(
    () => true,
    () => false,
  );
}
