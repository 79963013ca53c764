import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { shareTerminal } from '../../../src/commands/share-terminal.js';
import type { Invocation } from '../../../src/commands/invocation.js';
import type { BuildEvent } from '../../../src/model/events.js';

const event: BuildEvent = { type: 'build.started', time: '2026-01-01T00:00:00.000Z', build: 'b' };

function invocation(stdout: Writable, taken: string[] = []): Invocation {
  const terminal = {
    ...{ term: 'xterm', columns: 80, rows: 24 },
    ...{ onResize: () => () => undefined, onKeyboard: () => () => undefined },
    takeKeyboard: () => {
      taken.push('taken');
      return { [Symbol.dispose]: () => void taken.push('free') };
    },
  };
  const { signal } = new AbortController();
  const caller = { fingerprint: 'SHA256:x', comment: 'me', address: '192.0.2.1', rights: {} };
  const streams = { stdin: new PassThrough(), stdout, stderr: stdout };
  return { ...streams, words: [], local: false, caller, environment: new Map(), terminal, signal };
}

describe('a terminal for two', () => {
  it('events wait while something in a container has it, and go on in order', async () => {
    const [seen, taken]: [string[], string[]] = [[], []];
    const { render, openTerminal } = shareTerminal(
      ({ type }) => void seen.push(type),
      invocation(new PassThrough(), taken),
    );
    void render(event);
    const session = await openTerminal!(new AbortController().signal);
    const [first, second] = [render(event), render(event)];
    expect([seen.length, taken]).toEqual([1, ['taken']]);
    await session[Symbol.asyncDispose]();
    await Promise.all([first, second]);
    expect([seen.length, taken]).toEqual([3, ['taken', 'free']]);
  });

  it('a person who reads nothing holds nothing up once the build has to end', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => undefined });
    stuck.write('nobody reads this');
    const end = new AbortController();
    const { render, openTerminal } = shareTerminal(() => undefined, invocation(stuck));
    const opening = openTerminal!(end.signal);
    end.abort();
    const session = await opening;
    await session.write(Buffer.from('more'));
    await session[Symbol.asyncDispose]();
    await render(event);
  });
});
