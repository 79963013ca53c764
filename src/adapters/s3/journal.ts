import type { Emit, StepEvent } from '../../model/events.js';

/** Often enough for eyes; a thousand small files are not a thousand events. */
const INTERVAL = 200;
const LENGTH = 16 * 1024;

export type Journal = { add(line: string): Promise<void>; flush(): Promise<void> };

/** Lines for the log, gathered into events: at once where none came lately. */
export function createJournal(emit: Emit<StepEvent>, now: () => number = () => performance.now()): Journal {
  let lines = '';
  let next = 0;
  async function flush(): Promise<void> {
    if (lines === '') return;
    const text = lines;
    lines = '';
    next = now() + INTERVAL;
    await emit({ type: 'log', stream: 'stdout', text });
  }
  return {
    async add(line) {
      lines += `${line}\n`;
      if (lines.length >= LENGTH || now() >= next) await flush();
    },
    flush,
  };
}
