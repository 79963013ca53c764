import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { runnerOn } from '../../fakes/depot.js';

const never = new AbortController().signal;

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'neighbours-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A runner in a process of its own. */
function start(data: string, task: 'lock' | 'hold' | 'count' | 'read') {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.mjs'), data, task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  const lines: string[] = [];
  const first = new Promise<string>((resolve) =>
    createInterface(child.stdout).on('line', (line) => (lines.push(line), resolve(line))),
  );
  return {
    lines,
    first,
    closed: once(child.stdout, 'close'),
    signal: (name: NodeJS.Signals) => child.kill(name),
    async kill() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

test('a lock is free when its runner was killed, and not while it is frozen', async () => {
  const data = dataDirectory();
  const { locks, runner } = runnerOn(data);
  const other = start(data, 'lock');
  const id = await other.first;
  other.signal('SIGSTOP');
  expect(await locks.take('counter')).toBeUndefined();
  expect(await runner.lives(id)).toBe(true);
  expect(await runner.dead()).toEqual([]);
  const abort = new AbortController();
  const waiting = locks.alone('counter', abort.signal, async () => 'never');
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');

  const patient = locks.alone('counter', never, async () => 'mine');
  await other.kill();
  expect(await patient).toBe('mine');
  expect(await runner.dead()).toEqual([id]);
  await locks.sweep();
  await locks.layBy();
  // A directory is laid by for when the disk is full.
  expect(readdirSync(join(data, 'locks'))).toEqual([`${runner.id}-spare.new`]);
});

test('many runners have a lock in turn, also where one is killed that has it', async () => {
  const data = dataDirectory();
  const file = join(data, 'count');
  writeFileSync(file, '0');
  const victim = start(data, 'lock');
  await victim.first;
  const counting = ['count', 'count', 'count'].map(() => start(data, 'count'));
  await victim.kill();
  await counting[0]!.first;
  await counting[0]!.kill();
  await Promise.all(counting.map(({ closed }) => closed));
  const said = counting.reduce((sum, { lines }) => sum + lines.length, 0);
  const counted = Number(readFileSync(file, 'utf8'));
  expect([said, said + 1]).toContain(counted); // one may have died before it could say so
  expect(said).toBeGreaterThan(120);
});

test('a runner is registered once, however many ask at once, and again when its name was taken away', async () => {
  const data = dataDirectory();
  const [{ runner }, other] = [runnerOn(data), runnerOn(data)];
  for (let i = 0; i < 2; i++) {
    await Promise.all(Array.from({ length: 20 }, () => runner.register()));
    expect(readdirSync(join(data, 'runners'))).toEqual([runner.id]);
    expect(await other.runner.lives(runner.id)).toBe(true);
    rmSync(join(data, 'runners'), { recursive: true });
  }
});

test('a copy that another runner holds stays, until that has ended', async () => {
  const data = dataDirectory();
  const depot = runnerOn(data).depot('git');
  mkdirSync(join(data, 'git/copy'), { recursive: true });
  writeFileSync(join(data, 'git/copy/file'), 'x'.repeat(5000));
  const other = start(data, 'hold');
  await other.first;
  const list = await depot.list();
  expect(list).toMatchObject([{ name: 'copy' }]);
  expect(list[0]!.bytes).toBeGreaterThanOrEqual(5000);
  expect(await depot.held('copy')).toEqual(new Set(['abc']));
  expect(await depot.remove(list)).toEqual({ count: 0, bytes: 0 });
  await other.kill();
  expect(await depot.remove(list)).toMatchObject({ count: 1 });
  expect(readdirSync(join(data, 'git'))).toEqual([]);
});

test('a copy never goes from under who holds it, however often it is removed', async () => {
  const data = dataDirectory();
  const depot = runnerOn(data).depot('git');
  const readers = [start(data, 'read'), start(data, 'read')];
  let [ended, removed] = [false, 0];
  const closed = Promise.all(readers.map((reader) => reader.closed)).then(() => (ended = true));
  while (!ended) {
    removed += (await depot.remove([{ name: 'copy', bytes: 0, usedAt: 0 }])).count;
    await new Promise(setImmediate);
  }
  await closed;
  expect(readers.map(({ lines }) => lines)).toEqual([['lost 0'], ['lost 0']]);
  expect(removed).toBeGreaterThan(10);
});

test('what a copy takes is measured anew after each change, and its last use is the last hold', async () => {
  const data = dataDirectory();
  const depot = runnerOn(data).depot('git');
  const write = (name: string, bytes: number) =>
    depot.change({ name }, never, async () => {
      mkdirSync(join(data, 'git', name), { recursive: true });
      writeFileSync(join(data, 'git', name, 'file'), 'x'.repeat(bytes));
    });
  for (const name of ['first', 'second']) {
    await (await depot.hold(name, '', never)).release();
    await write(name, 10_000);
  }
  await (await depot.hold('first', '', never)).release();
  const order = async () =>
    (await depot.list()).toSorted((a, b) => a.usedAt - b.usedAt).map(({ name }) => name);
  expect(await order()).toEqual(['second', 'first']);
  await write('second', 1_000_000);
  expect(depot.hasGrown()).toBe(true);
  const second = (await depot.list()).find(({ name }) => name === 'second');
  expect(second!.bytes).toBeGreaterThanOrEqual(1_000_000);
  expect(existsSync(join(data, 'sizes/git-second'))).toBe(true);
});

test('runners are asked by others, also below a path that is too long for a socket', async () => {
  const data = join(dataDirectory(), 'd'.repeat(120));
  mkdirSync(data);
  const other = start(data, 'lock');
  const id = await other.first;
  const { runner } = runnerOn(data);
  expect(await runner.lives(id)).toBe(true);
  expect(await runner.askOthers('status', AbortSignal.timeout(60_000))).toEqual(['lock heard status']);
  await other.kill();
  expect(await runner.lives(id)).toBe(false);
});
