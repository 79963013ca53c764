import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'ssh2';
import { expect, onTestFinished, test, vi } from 'vitest';
import { clientAgent } from '../../../src/ssh/agent.js';

test('who waits two minutes for an answer of the agent is hung up on', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const directory = mkdtempSync(join(tmpdir(), 'ssh-agent-test-'));
  onTestFinished(() => {
    vi.useRealTimers();
    rmSync(directory, { recursive: true });
  });
  let opened = (): void => undefined;
  const asked = new Promise<void>((resolve) => (opened = resolve));
  const path = join(directory, 'agent.sock');
  await using agent = await clientAgent({} as Connection, opened).listen(path);
  const socket = connect(path).on('error', () => {});
  const closed = once(socket, 'close');
  await asked;
  vi.advanceTimersByTime(119_999);
  expect(agent.isWaiting()).toBe(true);
  vi.advanceTimersByTime(1);
  await closed;
  expect(agent.isWaiting()).toBe(false);
});
