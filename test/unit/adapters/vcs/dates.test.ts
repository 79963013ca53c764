import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dateEntries } from '../../../../src/adapters/vcs/dates.js';
import type { TreeEntry } from '../../../../src/model/tree.js';

let directory: string;
let record: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dates-'));
  record = join(directory, 'dates');
});
afterEach(() => rm(directory, { recursive: true }));

/** Builds a revision of that time, `PATH=CONTENT` each, and gives what the entries are dated. */
async function built(time: number, ...files: string[]): Promise<number[]> {
  const entries = files.map((text): TreeEntry => {
    const [path = '', id = ''] = text.split('=');
    if (id.startsWith('->')) return { type: 'symlink', path, target: id.slice(2), mtime: time };
    if (id === '/') return { type: 'directory', path, mode: 0o755, mtime: time };
    return { type: 'file', path, id, size: 1, mode: id.endsWith('*') ? 0o755 : 0o644, mtime: time };
  });
  await dateEntries(entries, record);
  return entries.map(({ mtime }) => mtime);
}

test('what has not changed is as old as the first revision that was built with it', async () => {
  const first = ['d=/', 'd/a=1', 'd/b=1', 'l=->a'];
  expect(await built(100, ...first)).toEqual([100, 100, 100, 100]);
  expect(await built(200, 'd=/', 'd/a=1', 'd/b=2', 'l=->b')).toEqual([100, 100, 200, 200]);
  expect(await built(300, 'd=/', 'd/a=1*', 'd/b=2', 'e=1')).toEqual([100, 300, 200, 300]);
});

test('a content that comes back has its time again', async () => {
  for (const [time, id, expected] of [
    [100, 'A', 100],
    [200, 'B', 200],
    [300, 'A', 100],
    [200, 'B', 200],
  ] as const)
    expect(await built(time, `f=${id}`)).toEqual([expected]);
});

test('nothing is younger than the commit, and that is remembered', async () => {
  await built(200, 'a=1', 'b=1');
  expect(await built(100, 'a=1', 'b=2')).toEqual([100, 100]);
  expect(await built(200, 'a=1', 'b=1')).toEqual([100, 200]);
});

test('a revision that brings nothing new is not written down', async () => {
  await built(100, 'a=1');
  const { ino } = await stat(record);
  await built(200, 'a=1');
  expect((await stat(record)).ino).toBe(ino);
});

test('branches that are built in turn do not drive each other out, and what nobody builds goes', async () => {
  const branch = (name: string) => Array.from({ length: 40_000 }, (_, index) => `${index}=${name}`);
  await built(1, ...branch('old'));
  for (const time of [100, 200]) {
    expect(new Set(await built(time, ...branch('x'), `turn=${time}`))).toEqual(new Set([100, time]));
    expect(new Set(await built(time, ...branch('y')))).toEqual(new Set([100]));
  }
  expect(new Set(await built(400, ...branch('old')))).toEqual(new Set([400]));
});

test('a record that is damaged, cut, of another kind or gone is none', async () => {
  await built(100, 'a=1', 'b=2');
  const whole = await readFile(record);
  const flipped = Buffer.from(whole);
  flipped[40]! ^= 1;
  for (const bytes of [
    flipped,
    whole.subarray(0, -8),
    whole.subarray(0, 9),
    Buffer.from('x'.repeat(64)),
    '',
  ]) {
    await writeFile(record, bytes);
    expect(await built(200, 'a=1', 'b=2')).toEqual([200, 200]);
  }
  await rm(record);
  expect(await built(200, 'a=1')).toEqual([200]);
  await rm(directory, { recursive: true });
  expect(await built(300, 'a=1')).toEqual([300]);
  await writeFile(directory, '');
  expect(await built(300, 'a=1')).toEqual([300]);
});

test('of several writers the last one wins, and no other file stays', async () => {
  await Promise.all([1, 2, 3, 4, 5].map((time) => built(time, 'a=1', `b=${time}`)));
  expect(await readdir(directory)).toEqual(['dates']);
  expect((await built(9, 'a=1'))[0]).toBeLessThan(6);
});

test('what a writer left that was killed goes, and what one writes just now stays', async () => {
  const [left, fresh] = [`${record}.new-1`, `${record}.new-2`];
  for (const file of [left, fresh]) await writeFile(file, '');
  await utimes(left, 0, 0);
  await built(100, 'a=1');
  expect((await readdir(directory)).toSorted()).toEqual(['dates', 'dates.new-2']);
});
