import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { leftovers } from './engine.js';
import { openInTerminal } from './in-terminal.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { startRunner, type Runner } from './runner.js';

describe('--on-failure shell', () => {
  let runner: Runner;
  let repository: Repository;
  beforeAll(async () => {
    runner = await startRunner({ BUILDBOT_BUILDKIT: 'no' });
    repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nRUN echo kept > /good\n`,
      'failing.Dockerfile': `FROM ${lab('LAB_BASE_IMAGE')}\nRUN echo kept > /good\nRUN echo lost > /bad; exit 7\n`,
    });
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  const build = (flags: string) => `build --repo ${repository.url} --no-push ${flags}`;

  it.each(['plain', 'tty'])('a failed test: a shell in its container, --progress %s', async (progress) => {
    const flags = `--test 'echo was-here > /trace; exit 3' --on-failure shell --progress ${progress}`;
    const terminal = openInTerminal(runner, build(flags), { columns: 91, rows: 33 });
    await terminal.shows(/^\/ # ?$/m);
    terminal.type('cat /trace /good; stty size; echo $TERM\r');
    await terminal.shows(/^was-here\nkept\n33 91\nxterm-256color$/m);
    await terminal.resize(71, 20);
    terminal.type('until [ "$(stty size)" = "20 71" ]; do sleep 0.1; done; echo resized\r');
    await terminal.shows(/^resized$/m);
    // It stops what runs in the shell, and nothing else.
    terminal.type('echo waits; sleep 1000\r');
    await terminal.shows(/^waits$/m);
    terminal.type('\x03');
    await terminal.shows(/^\^C$/m);
    terminal.type('exit 0\r');
    expect(await terminal.ended()).toBe(1);
    const history = (await terminal.screen.history()).join('');
    expect(history).toContain('"failure":{"step":"test"');
    expect(history).toContain('"commandExitCode":3');
    expect(await leftovers(runner)).toEqual([]);
  });

  it('a failed RUN: a shell in the last good layer', async () => {
    const terminal = openInTerminal(runner, build('-f failing.Dockerfile --on-failure shell'));
    await terminal.shows(/^\/ # ?$/m);
    terminal.type('cat /good /bad\r');
    await terminal.shows(/^kept\ncat: can't open '\/bad': No such file or directory$/m);
    terminal.type('\x04');
    expect(await terminal.ended()).toBe(1);
    expect((await terminal.screen.history()).join('')).toContain('"commandExitCode":7');
    expect(await leftovers(runner)).toEqual([]);
  });

  it('a builder that failed: its files as it left them', async () => {
    const flags = `--builder-image ${lab('LAB_BASE_IMAGE')} --builder-command 'echo half > made; exit 4' --on-failure shell`;
    const terminal = openInTerminal(runner, build(flags));
    await terminal.shows(/^\/project # ?$/m);
    terminal.type('cat made; exit\r');
    expect(await terminal.ended()).toBe(1);
    const history = (await terminal.screen.history()).join('\n');
    expect(history).toContain('half');
    expect(history.replaceAll('\n', '')).toContain('"commandExitCode":4');
    expect(await leftovers(runner)).toEqual([]);
  });

  it('a client that is killed takes the shell with it', async () => {
    const terminal = openInTerminal(runner, build("--test 'exit 3' --on-failure shell"));
    await terminal.shows(/^\/ # ?$/m);
    terminal.kill();
    await terminal.ended();
    await expect.poll(() => leftovers(runner), { timeout: 20_000 }).toEqual([]);
  });

  it('without a terminal: exit 2 before anything starts', async () => {
    const { code, stderr } = await runner.ssh(`${build('--on-failure shell')} --credentials -`, {
      input: credentials(),
    });
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("--on-failure 'shell' needs a terminal; connect with ssh -t") as string,
    ]);
  });
});
