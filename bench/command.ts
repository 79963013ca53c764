import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { track } from './children.js';

export type Environment = Record<string, string | undefined>;
export type Surroundings = { environment?: Environment; directory?: string; input?: Readable };

/** Runs a program to its end and gives its stdout; rejects when it fails. */
export async function run(
  program: string,
  words: readonly string[],
  { environment, directory, input }: Surroundings = {},
): Promise<string> {
  const child = track(
    spawn(program, words, {
      cwd: directory,
      env: environment ?? process.env,
      stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    }),
  );
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close') as Promise<[number | null]>,
    ...(input ? [pipeline(input, child.stdin!)] : []),
  ]);
  if (code !== 0)
    throw new Error(`${program} ${words.join(' ')}: exit ${code}\n${tail(stderr)}\n${tail(stdout)}`);
  return stdout;
}

export type Measured = {
  environment: Environment;
  directory?: string;
  /** A file that the program reads, and one that gets what it writes: this process must not be the one that is slow. */
  input?: string;
  output: string;
};

/** Runs a program and gives the seconds until it ended; rejects when it fails. */
export async function time(
  program: string,
  words: readonly string[],
  { environment, directory, input, output }: Measured,
): Promise<number> {
  const stdin = openSync(input ?? '/dev/null', 'r');
  const stdout = openSync(output, 'w');
  try {
    const started = performance.now();
    const stdio = [stdin, stdout, stdout];
    const child = track(spawn(program, words, { cwd: directory, env: environment, stdio }));
    const [code] = (await once(child, 'close')) as [number | null];
    const seconds = (performance.now() - started) / 1000;
    if (code !== 0)
      throw new Error(`${program} ${words.join(' ')}: exit ${code}\n${await lastBytes(output)}`);
    return seconds;
  } finally {
    closeSync(stdin);
    closeSync(stdout);
  }
}

/** The last of a file that may be hundreds of megabytes. */
export async function lastBytes(path: string, bytes = 64 * 1024): Promise<string> {
  const { size } = await stat(path);
  if (size <= bytes) return readFile(path, 'utf8');
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, size - bytes);
    return buffer.toString();
  } finally {
    await file.close();
  }
}

const tail = (output: string) => output.slice(-4000);

/** A word for sh. */
export const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
