import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { Failure } from '../../model/errors.js';
import { createByteReader, type ByteReader } from './byte-reader.js';
import { cannotStart } from '../vcs/command.js';
import { MAX_REMEMBERED, type KnownObject, type ObjectHeader, type ObjectMemory } from './object-memory.js';
import { createWindow, type Window } from './window.js';

/** The mirror lacks an object that it should have, or cannot read it. It has to be thrown away. */
export class DamagedMirror extends Error {
  override readonly name = 'DamagedMirror';
}

/** For the caller, when making it anew has not helped. */
export function damagedAgain(cause: DamagedMirror): Failure {
  return new Failure('SOURCE_FAILED', 'the copy of the repository is damaged, and a fresh one is too', {
    cause,
  });
}

/**
 * `header` is undefined for an object that is not there. `chunks` is read before the next answer is asked
 * for.
 */
export type ObjectAnswer = { header: ObjectHeader | undefined; chunks: AsyncIterable<Buffer> };

/** `info NAME` for the header alone, `contents NAME` for the object: git-cat-file(1), `--batch-command`. */
export type ObjectCommand = `${'info' | 'contents'} ${string}`;
export type ObjectCommands = Iterable<ObjectCommand> | AsyncIterable<ObjectCommand>;

export interface Objects {
  /**
   * Answers in the order of the commands, which are taken ahead of the answers. Only one at a time, and
   * nothing more after one that was not read to its end. Throws DamagedMirror when git ends early.
   */
  ask(commands: ObjectCommands): AsyncGenerator<ObjectAnswer>;
  /** Whether more may be asked: all was answered and read, and git has not ended. */
  isIdle(): boolean;
  /** Ends the process, and settles when it has ended. Safe twice. */
  close(): Promise<void>;
}

/**
 * Commands that git has got and not answered: enough to keep it busy, and few enough to fit into the pipe.
 */
const WINDOW = 256;

export type ObjectsPlace = {
  /** A bare repository. */
  directory: string;
  environment: NodeJS.ProcessEnv;
  memory: ObjectMemory;
};

/** One `git cat-file`, which starts with the first question that the memory cannot answer. It ends with `close()` or the signal. */
export function openObjects(place: ObjectsPlace, signal: AbortSignal): Objects {
  signal.throwIfAborted();
  let git: CatFile | undefined;
  let isRead = true;
  return {
    ask(commands) {
      isRead = false;
      const start = (): CatFile => (git ??= startCatFile(place, signal));
      return exchange(place, commands, { start, onRead: () => (isRead = true) });
    },
    isIdle: () => isRead && git?.hasEnded() !== true,
    close: async () => git?.close(),
  };
}

type CatFile = { stdin: Writable; reader: ByteReader; hasEnded(): boolean; close(): Promise<void> };

function startCatFile({ directory, environment }: ObjectsPlace, signal: AbortSignal): CatFile {
  signal.throwIfAborted();
  const child = spawn('git', ['cat-file', '--batch-command', '--buffer'], {
    env: { ...environment, GIT_DIR: directory },
    stdio: 'pipe',
  });
  // Where descriptors have run out, it has not even pipes, and says so later.
  if ((child.stdin as Writable | undefined) === undefined) {
    child.on('error', () => undefined);
    throw cannotStart('git', Object.assign(new Error('no pipes'), { code: 'EMFILE' }));
  }
  const end = watch(child, directory);
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', abort);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    child.kill('SIGKILL');
    await end;
  };
  const abort = (): void => void close();
  signal.addEventListener('abort', abort, { once: true });
  const reader = createByteReader(child.stdout, async () => {
    const problem = await end;
    await close();
    return signal.aborted ? signal.reason : problem;
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return { stdin: child.stdin, reader, hasEnded, close };
}

/** Nothing that describes a source is larger; the contents of its files are never read whole. */
const MAX_WHOLE = 64 * 2 ** 20;

/**
 * Hands over whole objects in the order of the commands, with an empty body for `info`. `header` is undefined
 * for what is not there. Rejects with TREE_INVALID for an object that is too large for that.
 */
export async function readWhole(
  objects: Objects,
  commands: readonly ObjectCommand[],
  visit: (header: ObjectHeader | undefined, body: Buffer, index: number) => void,
): Promise<void> {
  let index = 0;
  for await (const { header, chunks } of objects.ask(commands)) {
    if (commands[index]?.startsWith('contents ') && header !== undefined && header.size > MAX_WHOLE) {
      throw new Failure(
        'TREE_INVALID',
        `the ${header.type} ${header.id} of the source has ${header.size} bytes`,
      );
    }
    const pieces: Buffer[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    visit(header, pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), index++);
  }
}

// Settles with what is to be said to who still waits for an answer.
function watch(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  directory: string,
): Promise<unknown> {
  let said = '';
  child.stdin.on('error', () => undefined);
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4096)));
  return new Promise((resolve) => {
    // A working directory or git directory that is gone is damage too; a git that is gone is not.
    child.once('error', (error) => resolve(cannotStart('git', error)));
    child.once('close', () =>
      resolve(new DamagedMirror(`git cat-file in ${directory} ended early: ${said}`)),
    );
  });
}

/** Of one reading: what comes first describes the source, and the next build of it begins with the same. */
const REMEMBERED = 100;

type Question = { command: ObjectCommand; known: KnownObject | undefined };

async function* exchange(
  { directory, memory }: ObjectsPlace,
  commands: ObjectCommands,
  { start, onRead }: { start: () => CatFile; onRead: () => void },
): AsyncGenerator<ObjectAnswer> {
  const asked = createWindow<Question>(WINDOW);
  void send(commands, asked, { recall: (command) => memory.recall(directory, command), start });
  let fresh = 0;
  try {
    for (let question; (question = await asked.shift()) !== undefined;) {
      const { command, known } = question;
      if (known !== undefined) {
        yield { header: known.header, chunks: piecesOf(known.body) };
        continue;
      }
      const { reader } = start();
      const header = parseHeader(await reader.line());
      const size = header !== undefined && command.startsWith('contents ') ? header.size : 0;
      if (header !== undefined && size <= MAX_REMEMBERED && fresh++ < REMEMBERED) {
        const body = await readBody(reader, size);
        memory.keep({ directory, command }, { header, body });
        yield { header, chunks: piecesOf(body) };
      } else yield { header, chunks: reader.take(size) };
      await reader.skipRest();
      if (header !== undefined && command.startsWith('contents ')) await reader.line();
    }
    onRead();
  } finally {
    asked.close();
  }
}

async function readBody(reader: ByteReader, size: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of reader.take(size)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* piecesOf(body: Buffer): AsyncGenerator<Buffer> {
  if (body.length > 0) yield body;
}

// Never rejects: what the commands' source throws comes out of the window.
async function send(
  commands: ObjectCommands,
  asked: Window<Question>,
  { recall, start }: { recall: (command: ObjectCommand) => KnownObject | undefined; start: () => CatFile },
): Promise<void> {
  let unsent = '';
  // git answers a `flush`; one for all that came in this turn of the event loop.
  const flush = (stdin: Writable): void => {
    stdin.write(`${unsent}flush\n`);
    unsent = '';
  };
  try {
    for await (const command of commands) {
      const known = recall(command);
      if (known === undefined) {
        if (unsent === '') setImmediate(flush, start().stdin);
        unsent += `${command}\n`;
      }
      if (!(await asked.push({ command, known }))) return;
    }
    asked.end();
  } catch (error) {
    asked.end(error);
  }
}

// `ID TYPE SIZE`, or `NAME missing`
function parseHeader(line: string): ObjectHeader | undefined {
  const [id = '', type = '', size] = line.split(' ');
  return size === undefined ? undefined : { id, type, size: Number(size) };
}
