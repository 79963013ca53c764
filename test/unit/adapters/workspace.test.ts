import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createWorkspaces } from '../../../src/adapters/workspace.js';

const prefix = `buildbot-test-${process.pid}`;

test('a workspace is private, and gone with all that it holds when disposed', async () => {
  const workspaces = createWorkspaces({ prefix });
  const workspace = await workspaces.create('my.build_1');
  expect(statSync(workspace.directory).mode & 0o777).toBe(0o700);
  expect(workspace.directory).toContain('my.build_1');
  mkdirSync(join(workspace.directory, 'a'));
  writeFileSync(join(workspace.directory, 'a/key'), 'secret');
  await workspace[Symbol.asyncDispose]();
  expect(existsSync(workspace.directory)).toBe(false);
  await workspace[Symbol.asyncDispose]();
});

test('two of one build are two', async () => {
  const workspaces = createWorkspaces({ prefix });
  const [one, two] = await Promise.all([workspaces.create('b'), workspaces.create('b')]);
  expect(one.directory).not.toBe(two.directory);
  await Promise.all([one, two].map((workspace) => workspace[Symbol.asyncDispose]()));
});

test('sweep removes what dead processes left, and nothing else', async () => {
  const workspaces = createWorkspaces({ prefix });
  const mine = await workspaces.create('mine');
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const [start, ours] = [await startTime(child.pid!), join(mine.directory, '..')];
  const name = (rest: string): string => join(ours, `${prefix}-${userInfo().uid}-${rest}`);
  const running = name(`${child.pid}-${start}-a-xxxxxx`);
  const recycled = name(`${child.pid}-${Number(start) - 1}-a-xxxxxx`);
  const foreign = join(ours, `${prefix}-${userInfo().uid + 1}-1-1-a-xxxxxx`);
  const onDisk = join(tmpdir(), `${prefix}-${userInfo().uid}-${child.pid}-1-a-xxxxxx`);
  for (const directory of [running, recycled, foreign, onDisk]) mkdirSync(directory, { recursive: true });

  await workspaces.sweep();
  expect([mine.directory, running, recycled, foreign, onDisk].map((each) => existsSync(each))).toEqual([
    ...[true, true, false, true, false],
  ]);

  child.kill();
  await once(child, 'exit');
  await workspaces.sweep();
  expect([mine.directory, running].map((each) => existsSync(each))).toEqual([true, false]);
  await mine[Symbol.asyncDispose]();
});

async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
}
