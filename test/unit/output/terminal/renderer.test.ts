import { describe, expect, it } from 'vitest';
import type { BuildEvent, StepName } from '../../../../src/model/events.js';
import { createTerminalRenderer } from '../../../../src/output/terminal/renderer.js';
import { createManualTimer, createScreen, type Screen } from '../../../fakes/terminal.js';

const start = Date.UTC(2026, 0, 1);

/** A build on a terminal, told event by event. */
function show(screen: Screen, environment: Record<string, string> = {}) {
  const timer = createManualTimer(start);
  const emit = createTerminalRenderer({
    write: (text) => screen.write(text),
    terminal: screen,
    environment: new Map(Object.entries(environment)),
    timer,
  });
  const tell = (event: object) =>
    emit({ time: new Date(timer.now()).toISOString(), build: 'b1', ...event } as BuildEvent);
  const of = (project?: string) => (project === undefined ? {} : { project });
  return {
    timer,
    emit,
    tell,
    begin: (step: StepName, project?: string) => void tell({ type: 'step.started', step, ...of(project) }),
    log: (step: StepName, text: string, project?: string) =>
      void tell({ type: 'log', step, stream: 'stdout', text, ...of(project) }),
    progress: (step: StepName, what: string, [current, total]: [number, number]) =>
      void tell({ type: 'progress', step, what, current, total }),
    warn: (message: string) => void tell({ type: 'warning', message }),
    finish: (step: StepName, seconds: number, more: object = {}) =>
      void tell({ type: 'step.finished', step, status: 'succeeded', seconds, ...more }),
    end: (more: object = {}) => {
      const lists = { images: [], published: [], steps: [] };
      const times = { queuedAt: '', finishedAt: '' };
      void tell({
        type: 'result',
        ...{ version: 1, id: 'b1', status: 'succeeded', exitCode: 0 },
        ...lists,
        ...times,
        ...more,
      });
    },
  };
}

const failed = {
  status: 'failed',
  exitCode: 1,
  failure: { step: 'image', code: 'DOCKERFILE_FAILED', message: 'RUN false failed; see the log', log: [] },
};

describe('a terminal', () => {
  it.each([20, 80, 200])(
    'of %i columns shows the running steps and the end of their logs',
    async (columns) => {
      const screen = createScreen({ columns, rows: 10 });
      const build = show(screen);
      build.begin('source');
      build.timer.pass(1200);
      build.finish('source', 1.2);
      build.begin('image', 'api');
      build.begin('image', 'web');
      build.log('image', 'compiling api\n', 'api');
      build.log('image', `${'w'.repeat(300)}\nlast of web`, 'web');
      build.timer.pass(2500);
      expect((await screen.visible()).slice(0, 7)).toEqual([
        '✔ source  1.2s',
        '⠧ image api  2.5s',
        '  compiling api',
        '⠧ image web  2.5s',
        `  ${'w'.repeat(columns - 2)}`,
        '  last of web',
        '',
      ]);
    },
  );

  it('keeps a line for each step that has finished, and nothing that moves', async () => {
    const screen = createScreen({ columns: 80, rows: 10 });
    const build = show(screen);
    build.begin('queue');
    build.finish('queue', 0);
    build.begin('source');
    build.log('source', 'main (4f3c)\n');
    build.timer.pass(1200);
    build.finish('source', 1.2);
    build.begin('image');
    build.timer.pass(500);
    build.finish('image', 0.5, { cached: true });
    build.warn('no cache\nto read');
    build.begin('push');
    build.timer.pass(65_000);
    build.finish('push', 65);
    build.end({ images: [{ refs: [{ ref: 'r.example/app:1', pushed: true, digest: 'sha256:12' }] }] });
    expect(await screen.history()).toEqual([
      '✔ source  1.2s',
      '✔ image  500ms  cached',
      'warning: no cache',
      'to read',
      '✔ push  1m05s',
      'pushed r.example/app:1 sha256:12',
    ]);
    expect(await screen.cursor()).toEqual({ column: 0, belowIsEmpty: true, wraps: true, visible: true });
    expect(build.timer.waiting()).toBe(0);
  });

  it('keeps the end of the log of a step that failed, and says how to get all of it', async () => {
    const screen = createScreen({ columns: 40, rows: 10 });
    const build = show(screen);
    build.begin('image');
    build.log('image', Array.from({ length: 150 }, (_, n) => `line ${n} ${'x'.repeat(50)}\n`).join(''));
    build.timer.pass(300);
    build.finish('image', 0.3, { status: 'failed' });
    build.end(failed);
    expect(await screen.history()).toEqual([
      '✖ image  300ms',
      '(50 lines before; --progress plain shows all)',
      ...Array.from({ length: 100 }, (_, n) => `line ${n + 50} ${'x'.repeat(50)}`),
      'error: image: RUN false failed; see the log (DOCKERFILE_FAILED)',
    ]);
  });

  it('replaces the last picture when the build is cancelled', async () => {
    const screen = createScreen({ columns: 80, rows: 10 });
    const build = show(screen);
    build.begin('image');
    build.log('image', 'sleeping\n');
    build.timer.pass(1000);
    build.finish('image', 1, { status: 'cancelled' });
    build.end({
      status: 'cancelled',
      exitCode: 130,
      failure: { code: 'CANCELLED', message: 'cancelled', log: [] },
    });
    expect(await screen.history()).toEqual([
      '■ image  1.0s  cancelled',
      'sleeping',
      'error: cancelled (CANCELLED)',
    ]);
    expect(await screen.cursor()).toEqual({ column: 0, belowIsEmpty: true, wraps: true, visible: true });
  });

  it('shows how many builds are ahead, and keeps the time that was waited', async () => {
    const screen = createScreen({ columns: 80, rows: 10 });
    const build = show(screen);
    build.begin('queue');
    void build.tell({ type: 'build.queued', ahead: 2 });
    build.timer.pass(3000);
    expect((await screen.visible())[0]).toBe('⠋ queue  2 builds ahead  3.0s');
    build.finish('queue', 3);
    build.end();
    expect(await screen.history()).toEqual(['✔ queue  3.0s']);
  });

  it('shows transfers with their bytes, until they end or fall silent', async () => {
    const screen = createScreen({ columns: 80, rows: 10 });
    const build = show(screen);
    build.begin('push');
    build.progress('push', 'layer aaaa', [5_000_000, 20_000_000]);
    build.progress('push', 'layer bbbb', [1_500, 0]);
    build.progress('push', 'layer cccc', [1, 2]);
    build.timer.pass(400);
    expect((await screen.visible()).slice(1, 5)).toEqual([
      '  layer aaaa  5MB / 20MB  █████░░░░░░░░░░░░░░░',
      '  layer bbbb  1.5kB',
      '  layer cccc  1B / 2B  ██████████░░░░░░░░░░',
      '',
    ]);
    build.progress('push', 'layer cccc', [2, 2]);
    build.log('push', 'app:1: pushed layer aaaa\n');
    build.timer.pass(200);
    expect((await screen.visible()).slice(1, 4)).toEqual([
      '  layer bbbb  1.5kB',
      '  app:1: pushed layer aaaa',
      '',
    ]);
    build.timer.pass(6000);
    expect((await screen.visible()).slice(1, 3)).toEqual(['  app:1: pushed layer aaaa', '']);
  });

  it('says how many steps have no room', async () => {
    const screen = createScreen({ columns: 20, rows: 4 });
    const build = show(screen);
    for (const project of ['a', 'b', 'c', 'd', 'e']) build.begin('image', project);
    build.timer.pass(200);
    expect(await screen.visible()).toEqual(['⠹ image a  200ms', '⠹ image b  200ms', '3 more steps', '']);
  });

  const sizes = (...list: [number, number][]) => list;
  it.each([
    ['that wraps lines anew', true, sizes([100, 30], [100, 4], [120, 9], [200, 40], [200, 3], [200, 12])],
    ['that does not', false, sizes([30, 12], [20, 12], [200, 40], [64, 40], [20, 30], [120, 30])],
  ] as const)('follows a window %s, and leaves no remains', async (_, reflows, changes) => {
    const screen = createScreen({ columns: 100, rows: 20, reflows });
    screen.write('$ ssh -t build\r\nbefore\r\n');
    const build = show(screen);
    build.begin('image');
    build.log('image', `${'y'.repeat(150)}\nend\n`);
    for (const [columns, rows] of changes) {
      build.timer.pass(1500);
      await screen.resize(columns, rows);
    }
    build.timer.pass(150);
    expect((await screen.visible()).filter((line) => line.includes('end'))).toEqual(['  end']);
    build.finish('image', 1);
    build.end();
    expect(await screen.history()).toEqual(['$ ssh -t build', 'before', '✔ image  1.0s']);
  });

  it('leaves little behind where the terminal itself loses its place, and takes nothing away', async () => {
    const screen = createScreen({ columns: 100, rows: 20 });
    const before = ['$ ssh -t build', 'before '.repeat(12).trimEnd()];
    screen.write(`${before.join('\r\n')}\r\n`);
    const build = show(screen);
    build.begin('image');
    build.log('image', `${'y'.repeat(150)}\nend\n`);
    build.timer.pass(1500);
    for (let columns = 90; columns >= 50; columns -= 10) {
      await screen.resize(columns, 20);
      build.timer.pass(150);
    }
    build.finish('image', 1);
    build.end();
    const left = await screen.history();
    expect(left.slice(0, 2)).toEqual(before);
    expect(left.slice(2)).toEqual(['⠴ image  1.5s', '✔ image  1.0s']);
  });

  it('is not moved by characters that it thinks wider than we do', async () => {
    const screen = createScreen({ columns: 40, rows: 10 });
    const build = show(screen);
    build.begin('image');
    // One picture to us, three to this emulator.
    build.log('image', `${'👨‍👩‍👧'.repeat(19)}\nend\n`);
    for (let n = 0; n < 5; n++) build.timer.pass(100);
    const [step, family, end, ...rest] = await screen.visible();
    expect([step, family!.startsWith('  👨‍👩‍👧👨'), end]).toEqual(['⠴ image  500ms', true, '  end']);
    expect(rest.join('')).toBe('');
  });

  it('is the last state of a line that a tool wrote again and again', async () => {
    const screen = createScreen({ columns: 40, rows: 10 });
    const build = show(screen);
    build.begin('image');
    build.log('image', '#5 0.3 10%\r 55%\r100%\r\n#5 0.4 a\tb\n 7%\r 8%\r');
    build.timer.pass(100);
    expect((await screen.visible()).slice(1, 4)).toEqual([
      '  100%',
      '  #5 0.4 a        b'.replace('        ', ' '.repeat(8)),
      '   8%',
    ]);
  });

  it('has no colours where NO_COLOR says so, and no signs that the locale lacks', async () => {
    const colours = (screen: Screen) => screen.written.match(/\x1b\[[\d;]*m/g) ?? [];
    const run = (environment: Record<string, string>) => {
      const screen = createScreen({ columns: 40, rows: 10 });
      const build = show(screen, environment);
      build.begin('image');
      build.timer.pass(300);
      build.warn('careful');
      build.finish('image', 1);
      build.end(failed);
      return screen;
    };
    expect(colours(run({})).length).toBeGreaterThan(4);
    expect(colours(run({ NO_COLOR: '' })).length).toBeGreaterThan(4);
    expect(colours(run({ NO_COLOR: '1' }))).toEqual([]);
    expect((await run({ LANG: 'C' }).history())[1]).toBe('+ image  1.0s');
    expect((await run({ LANG: 'de_DE.utf8' }).history())[1]).toBe('✔ image  1.0s');
  });

  it('belongs to who has taken the keyboard, until it is given back', async () => {
    const screen = createScreen({ columns: 80, rows: 10 });
    const build = show(screen);
    build.begin('test');
    build.log('test', 'broken\n');
    build.timer.pass(300);
    const keyboard = screen.takeKeyboard();
    screen.write('# ls\r\nsrc\r\n# exit\r\n');
    build.warn('meanwhile');
    build.timer.pass(5000);
    expect(await screen.history()).toEqual(['== test  300ms', 'broken', '# ls', 'src', '# exit']);
    const warn = (message: string) => build.tell({ type: 'warning', message });
    const [held, full] = [warn('short'), warn('w'.repeat(20_000))];
    expect([held, full instanceof Promise]).toEqual([undefined, true]);
    keyboard[Symbol.dispose]();
    await full;
    build.timer.pass(300);
    build.finish('test', 9);
    build.end();
    expect((await screen.history()).slice(2).map((line) => line.slice(0, 18))).toEqual([
      ...[
        '# ls',
        'src',
        '# exit',
        'warning: meanwhile',
        'warning: short',
        'warning: wwwwwwwww',
        '✔ test  9.0s',
      ],
    ]);
  });

  it('is left clean by who goes before the verdict', async () => {
    const screen = createScreen({ columns: 80, rows: 10 });
    const build = show(screen);
    build.begin('image');
    build.timer.pass(300);
    build.emit[Symbol.dispose]();
    build.log('image', 'late\n');
    build.timer.pass(300);
    expect([await screen.history(), build.timer.waiting()]).toEqual([[], 0]);
  });
});
