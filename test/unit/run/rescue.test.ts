import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import type { BuildEvent } from '../../../src/model/events.js';
import type { OpenTerminal } from '../../../src/ports.js';
import { request, submission, world, type World } from './world.js';

/** A person who types `keys` into whatever gets the terminal. */
function person(keys: string) {
  const seen: string[] = [];
  const state = { open: 0, opened: 0, seen };
  const openTerminal: OpenTerminal = () => {
    state.open++;
    state.opened++;
    const input = new PassThrough();
    input.end(keys);
    return Promise.resolve({
      input,
      write: (data: Uint8Array) => void seen.push(Buffer.from(data).toString()),
      terminal: {
        ...{ term: 'xterm', columns: 80, rows: 24 },
        ...{ onResize: () => () => undefined, onKeyboard: () => () => undefined },
        takeKeyboard: () => ({ [Symbol.dispose]: () => undefined }),
      },
      [Symbol.asyncDispose]: () => Promise.resolve(void state.open--),
    });
  };
  return { state, openTerminal };
}

async function fail(knobs: World, flags: string, keys = 'ls\nexit\n') {
  const w = world({ exits: ({ terminal }) => ({ exitCode: terminal === undefined ? 3 : 0 }), ...knobs });
  const { state, openTerminal } = person(keys);
  const events: BuildEvent[] = [];
  const { signal } = new AbortController();
  const handed = { ...submission((event) => void events.push(event), signal), openTerminal };
  const result = await w.builds.submit(request(`--on-failure shell ${flags}`), handed);
  const said = events.flatMap((event) =>
    event.type === 'log' ? [event.text] : event.type === 'warning' ? [event.message] : [],
  );
  expect([w.containers.open, w.engine.names.size, state.open]).toEqual([0, 0, 0]);
  return { w, result, said, ...state };
}

describe('--on-failure shell', () => {
  it('a test that failed: a shell in a copy of its container, and the verdict stays', async () => {
    const { w, result, seen, said } = await fail({}, '--test check');
    expect(w.containers.saved).toEqual([expect.stringMatching(/^buildbot-build:abcdef012345-\w+-shell$/)]);
    const [test, shell] = w.containers.specs;
    expect(shell).toMatchObject({
      image: w.containers.saved[0],
      local: true,
      command: ['/bin/sh'],
      terminal: 'xterm',
    });
    expect([test!.command, shell!.environment.get('TERM')]).toEqual(['check', 'xterm']);
    expect(seen.join('')).toBe('ls\nexit\n');
    expect(said.slice(-2)).toEqual([
      expect.stringMatching(/^a shell where it failed: 'exit' ends it, at the latest after 30m00s\n$/),
      'the shell has ended\n',
    ]);
    expect(result).toMatchObject({
      exitCode: 1,
      failure: { step: 'test', code: 'TEST_FAILED', commandExitCode: 3 },
    });
  });

  it('a builder that failed: the same', async () => {
    const { result, opened } = await fail({}, '--builder-image b:1 --builder-command make');
    expect([opened, result.failure?.code]).toEqual([1, 'BUILDER_FAILED']);
  });

  it('a RUN that failed: in the last good layer where the engine names it', async () => {
    const build = new Failure('DOCKERFILE_FAILED', 'RUN false', { commandExitCode: 1, lastLayer: 'abc' });
    const { w, result } = await fail({ engine: { build } }, '');
    expect(w.containers.specs).toMatchObject([{ image: 'abc', local: true, command: ['/bin/sh'] }]);
    expect(result.failure).toMatchObject({ step: 'image', commandExitCode: 1 });
  });

  it('a RUN that failed where the engine keeps nothing: one warning', async () => {
    const build = new Failure('DOCKERFILE_FAILED', 'RUN false', { commandExitCode: 1 });
    const { said, opened, result } = await fail({ engine: { build } }, '');
    expect([opened, said.at(-1), result.exitCode]).toEqual([
      0,
      expect.stringContaining('classic builder'),
      1,
    ]);
  });

  it('what fails otherwise, and who asked for none, gets none', async () => {
    const build = new Failure('BASE_IMAGE_UNAVAILABLE', 'no');
    expect((await fail({ engine: { build } }, '')).opened).toBe(0);
  });
});
