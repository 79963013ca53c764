import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScreen } from '../fakes/terminal.js';
import { lab } from '../lab/environment.js';
import { leftovers } from './engine.js';
import { openInTerminal, type TerminalOptions } from './in-terminal.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { startRunner, type Runner } from './runner.js';

describe('a build in a terminal', () => {
  let runner: Runner;
  let repository: Repository;
  beforeAll(async () => {
    runner = await startRunner({ BUILDBOT_BUILDKIT: 'no' });
    repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}
RUN printf 'clear \\033[2J\\033[H\\033[31mred\\033[0m\\r\\n'; echo 世界; echo 'bell \\a'
`,
      'failing.Dockerfile': `FROM ${lab('LAB_BASE_IMAGE')}\nRUN seq 1 200; echo 'no such header'; exit 7\n`,
      'waiting.Dockerfile': `FROM ${lab('LAB_BASE_IMAGE')}\nRUN echo compiling; sleep 600\n`,
    });
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  const open = (flags: string, options: TerminalOptions = {}) =>
    openInTerminal(runner, `build --repo ${repository.url} --no-push --no-cache ${flags}`, options);

  const clean = { column: 0, belowIsEmpty: true, wraps: true, visible: true };

  it('leaves a line for each step, and the result last', async () => {
    const terminal = open('');
    expect(await terminal.ended()).toBe(0);
    const history = await terminal.screen.history();
    expect(history.slice(0, -1).map((line) => line.replace(/ {2}\S*s$/, ''))).toEqual([
      ...['✔ source', '✔ plan', `✔ image ${repository.name}`],
    ]);
    expect(history.at(-1)).toMatch(/^__build_result_meta \{.*\}$/);
    expect(await terminal.screen.cursor()).toEqual(clean);
    expect(terminal.screen.written).toContain('⠋');
  });

  it('shows what failed: the end of its log, and why', async () => {
    const terminal = open('-f failing.Dockerfile', { environment: { NO_COLOR: '1' } });
    expect(await terminal.ended()).toBe(1);
    const history = await terminal.screen.history();
    const log = history.slice(history.findIndex((line) => line.startsWith('✖ image')) + 1);
    expect(log[0]).toMatch(/^\(\d+ lines before; --progress plain shows all\)$/);
    expect(log).toContain('150');
    expect(log).toContain('no such header');
    expect(log.at(-2)).toMatch(/^error: image .*\(DOCKERFILE_FAILED\)$/);
    expect(terminal.screen.written).not.toMatch(/\x1b\[\d*m/);
  });

  it('draws what runs, follows the window, and Ctrl-C leaves nothing of it', async () => {
    const terminal = open('-f waiting.Dockerfile');
    await terminal.shows(/^. image .*\d\.\ds\n(?: .*\n)* {2}compiling$/m);
    await terminal.resize(20, 6);
    // Pictures as wide as the window come when it has settled: 20 columns, none more.
    await terminal.shows(/^. image .{2,12} {2}\d+\.\ds$/m);
    await terminal.resize(120, 40);
    await terminal.shows(/^. image \S+ {2}\d+\.\ds\n(?: .*\n)* {2}compiling$/m);
    terminal.type('\x03');
    expect(await terminal.ended()).toBe(130);
    const history = await terminal.screen.history();
    expect(history.at(-2)).toMatch(/^error: .*\(CANCELLED\)$/);
    expect(history.findLast((line) => /^\S image/.test(line))).toMatch(/^■ image .*cancelled$/);
    expect(await terminal.screen.cursor()).toEqual(clean);
    expect(await leftovers(runner)).toEqual([]);
  });

  it.each([
    ['--progress plain', { TERM: 'xterm' }],
    ['', { TERM: 'dumb' }],
  ])("'%s' in a terminal %j is the log as it is anywhere", async (flags, environment) => {
    const terminal = open(`-f failing.Dockerfile ${flags}`, { environment });
    expect(await terminal.ended()).toBe(1);
    const history = await terminal.screen.history();
    expect(history.some((line) => line.startsWith('== STEP image'))).toBe(true);
    expect(history.filter((line) => /^\d+$/.test(line)).length).toBe(200);
    expect(terminal.screen.written).not.toContain('\x1b[');
  });

  it('without a terminal there is none to draw on: exit 2 before any work', async () => {
    const command = `build --repo ${repository.url} --no-push --progress tty --credentials -`;
    const { code, stdout, stderr } = await runner.ssh(command, { input: credentials() });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      "buildbot: --progress 'tty' needs a terminal that can move its cursor; connect with ssh -t, or use --progress 'plain' (USAGE)\n",
    );
  });

  it('the command line itself draws too', async () => {
    const directory = join(runner.directory, 'local');
    const words = `build --repo ${repository.url} --no-push --no-cache --id here`;
    const child = spawn(
      'script',
      ['-qefc', `stty cols 60 rows 10; exec bin/buildbot ${words}`, '/dev/null'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          ...{ TERM: 'xterm', SHELL: '/bin/sh' },
          ...{ BUILDBOT_DATA_DIR: directory, BUILDBOT_CREDENTIALS: credentials(), BUILDBOT_BUILDKIT: 'no' },
        },
      },
    );
    const screen = createScreen({ columns: 60, rows: 10 });
    child.stdout.setEncoding('utf8').on('data', (text: string) => screen.write(text));
    expect(((await once(child, 'close')) as [number])[0]).toBe(0);
    const history = await screen.history();
    expect(history.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      ...['✔ source', '✔ plan', '✔ image', expect.stringMatching(/^__build_result_meta \{/)],
    ]);
    expect(await screen.cursor()).toEqual(clean);
  });
});
