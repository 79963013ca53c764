import type { FileContent, FileEntry } from '../../model/tree.js';
import {
  damagedAgain,
  DamagedMirror,
  type ObjectAnswer,
  type ObjectCommand,
  type Objects,
} from './objects.js';

/** Contents that are not the blobs' own (converted, or from LFS), by the entry's id. */
export type OtherContents = ReadonlyMap<string, () => AsyncIterable<Uint8Array>>;

export type ContentSource = {
  open: () => Objects;
  others: OtherContents;
  /** Brings back what the mirror has lost. Rejects when that cannot be done. */
  repair: () => Promise<void>;
};

type Files = Iterable<FileEntry> | AsyncIterable<FileEntry>;

/**
 * The contents of `files`, from one git process. Where the mirror turns out to be damaged it is repaired,
 * once, and reading goes on at the byte at which it stopped.
 */
export async function* readContents(files: Files, source: ContentSource): AsyncGenerator<FileContent> {
  const requests = createRequests(files, source.others);
  const answers = createAnswers(requests.commands, source);
  try {
    for (let answer; (answer = await answers.next()) !== undefined; requests.unanswered.shift()) {
      const entry = requests.unanswered[0]!;
      yield { entry, chunks: source.others.get(entry.id)?.() ?? answers.body(answer) };
    }
  } finally {
    requests.stop();
    await answers.close();
  }
}

/**
 * What was asked for and is not answered in full; `commands` begins with these when it is called once more.
 */
function createRequests(
  files: Files,
  others: OtherContents,
): { unanswered: FileEntry[]; commands: () => AsyncGenerator<ObjectCommand>; stop(): void } {
  const source = Symbol.asyncIterator in files ? files[Symbol.asyncIterator]() : files[Symbol.iterator]();
  const unanswered: FileEntry[] = [];
  let pending: ReturnType<typeof source.next> | undefined;
  let calls = 0;
  // A file that lies elsewhere has its turn among the others too: git is asked for something small in its
  // place.
  const commandFor = ({ id }: FileEntry): ObjectCommand =>
    others.has(id) ? 'info 0000000000000000000000000000000000000000' : `contents ${id}`;
  return {
    unanswered,
    async *commands() {
      const call = ++calls;
      for (const entry of [...unanswered]) yield commandFor(entry);
      for (;;) {
        pending ??= source.next();
        const next = await pending;
        if (call !== calls) return; // the value is for who was called later
        pending = undefined;
        if (next.done === true) return;
        unanswered.push(next.value);
        yield commandFor(next.value);
      }
    },
    stop() {
      calls++;
      // Not awaited: a source that waits for its next file answers only then.
      void Promise.resolve(source.return?.()).catch(() => undefined);
    },
  };
}

function createAnswers(
  commands: () => AsyncGenerator<ObjectCommand>,
  { open, repair }: ContentSource,
): {
  next(): Promise<ObjectAnswer | undefined>;
  body(answer: ObjectAnswer): AsyncGenerator<Buffer>;
  close(): Promise<void>;
} {
  let isRepaired = false;
  let objects = open();
  let answers = objects.ask(commands());
  const recover = async (error: unknown): Promise<void> => {
    if (!(error instanceof DamagedMirror)) throw error;
    if (isRepaired) throw damagedAgain(error);
    isRepaired = true;
    await objects.close();
    await repair();
    objects = open();
    answers = objects.ask(commands());
  };
  const next = async (): Promise<ObjectAnswer | undefined> => {
    try {
      const answer = await answers.next();
      return answer.done === true ? undefined : answer.value;
    } catch (error) {
      await recover(error);
      return await next();
    }
  };
  return {
    next,
    body: (answer) => body(answer, next, recover),
    close: () => objects.close(),
  };
}

async function* body(
  answer: ObjectAnswer,
  again: () => Promise<ObjectAnswer | undefined>,
  recover: (error: unknown) => Promise<void>,
): AsyncGenerator<Buffer> {
  let delivered = 0;
  for (let current: ObjectAnswer | undefined = answer; current !== undefined; current = await again()) {
    let passed = 0;
    try {
      if (current.header === undefined) throw new DamagedMirror('an object is missing');
      for await (const chunk of current.chunks) {
        const fresh = chunk.subarray(Math.max(delivered - passed, 0));
        passed += chunk.length;
        delivered += fresh.length;
        if (fresh.length > 0) yield fresh;
      }
      return;
    } catch (error) {
      await recover(error);
    }
  }
}
