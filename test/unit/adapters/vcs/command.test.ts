import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../../../src/adapters/vcs/command.js';

let directory: string;
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'command-test-'))));
afterEach(() => rm(directory, { recursive: true }));

/** A program in git's place that writes its id, does as it is told, and needs a moment to end. */
async function program(script: string) {
  const text = `#!/bin/sh\necho $$ >pid\ntrap 'sleep 0.1; exit 1' TERM\n${script}\n`;
  await writeFile(join(directory, 'git'), text);
  await chmod(join(directory, 'git'), 0o755);
  const environment = { PATH: `${directory}:${process.env.PATH}` };
  const { signal } = new AbortController();
  return { environment, directory, signal };
}

const talks = 'while :; do echo line; echo line >&2; sleep 0.01; done';
const unread = 'echo first; echo line >&2; head -c 1000000 /dev/zero; while :; do sleep 0.01; done';

describe.each([
  ['talks on', talks],
  ['waits for a reader', unread],
])('a program that %s', (_, script) => {
  const gone = async () => {
    const pid = Number(await readFile(join(directory, 'pid'), 'utf8'));
    return expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  };

  it.each<[string, object]>([
    [
      'its output',
      { consume: (stdout: Readable) => once(stdout).then(() => Promise.reject(new Error('enough'))) },
    ],
    ['its messages', { onLine: () => Promise.reject(new Error('enough')) }],
  ])('has ended when the reader of %s gives up', async (_, readers) => {
    const command = { ...(await program(script)), ...readers };
    await expect(runProgram(['git'], command)).rejects.toThrow('enough');
    await gone();
  });
});

const once = (stream: Readable) => new Promise((resolve) => stream.once('data', resolve));
