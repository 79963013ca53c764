import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createWorkspaces } from '../../../src/adapters/workspace.js';

const runner = { id: 'aaaaaaaaaaaa', lives: async () => false, dead: async () => ['dddddddddddd'] };
const prefix = `buildbot-test-${process.pid}`;

test('a workspace is private, and gone with all that it holds when disposed', async () => {
  const workspaces = createWorkspaces({ prefix, runner });
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
  const workspaces = createWorkspaces({ prefix, runner });
  const [one, two] = await Promise.all([workspaces.create('b'), workspaces.create('b')]);
  expect(one.directory).not.toBe(two.directory);
  await Promise.all([one, two].map((workspace) => workspace[Symbol.asyncDispose]()));
});

test('sweep removes what dead processes left, and nothing else', async () => {
  const workspaces = createWorkspaces({ prefix, runner });
  const mine = await workspaces.create('mine');
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const [start, ours] = [await startTime(child.pid!), join(mine.directory, '..')];
  const name = (rest: string): string => join(ours, `${prefix}-${userInfo().uid}-${rest}`);
  const rest = `${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0]}-bbbbbbbbbbbb-a-xxxxxx`;
  const running = name(`${child.pid}-${start}-${rest}`);
  const recycled = name(`${child.pid}-${Number(start) - 1}-${rest}`);
  const foreign = join(ours, `${prefix}-${userInfo().uid + 1}-1-1-${rest}`);
  const onDisk = join(tmpdir(), `${prefix}-${userInfo().uid}-${child.pid}-1-${rest}`);
  for (const directory of [running, recycled, foreign, onDisk]) mkdirSync(directory, { recursive: true });

  await workspaces.sweep();
  expect([mine.directory, running, recycled, foreign, onDisk].map((each) => existsSync(each))).toEqual([
    ...[true, true, false, true, false],
  ]);
  rmSync(foreign, { recursive: true });

  child.kill();
  await once(child, 'exit');
  await workspaces.sweep();
  expect([mine.directory, running].map((each) => existsSync(each))).toEqual([true, false]);
  await mine[Symbol.asyncDispose]();
});

test('of processes in another container, sweep removes what a runner left that is known as dead', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'workspace-test-'));
  const lives = async (id: string) => id === 'cccccccccccc';
  const workspaces = createWorkspaces({ prefix, scratch, runner: { ...runner, lives } });
  const mine = await workspaces.create('mine');
  const name = (id: string): string => `${prefix}-${userInfo().uid}-1-1-1-${id}-a-xxxxxx`;
  const memory = (id: string): string => join(mine.directory, '..', name(id));
  const ids = { living: 'cccccccccccc', dead: 'dddddddddddd', unknown: 'eeeeeeeeeeee' };
  const places = Object.values(ids).flatMap((id) => [memory(id), join(scratch, name(id))]);
  for (const place of places) mkdirSync(place);
  await workspaces.sweep();
  // Somebody with another data directory may have made what is unknown here, but not in this data directory.
  expect(places.map((place) => existsSync(place))).toEqual([true, true, false, false, true, false]);
  for (const place of [...places, mine.directory, scratch]) rmSync(place, { recursive: true, force: true });
});

async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
}
