import { StringDecoder } from 'node:string_decoder';
import { Failure } from '../../model/errors.js';
import type { StepEvent } from '../../model/events.js';
import type { StepIO } from '../../ports.js';
import { wholeLines } from '../buildkit/lines.js';

type Stream = 'stdout' | 'stderr';
type LogEvent = Extract<StepEvent, { type: 'log' }>;

/** Size of a frame's head: stream, three zero bytes, length as 32 bits, big endian (Engine API, ContainerAttach). */
const HEAD = 8;

/**
 * Emits what arrives on an attached container's stream until its end: whole lines, as many at once as came at once. The reader's
 * pace is the container's: between the two lie a socket's buffer and a megabyte of the engine's.
 */
export async function followOutput(stream: AsyncIterable<Buffer>, emit: StepIO['emit']): Promise<void> {
  const frames = frameReader();
  const lines = { stdout: lineReader(), stderr: lineReader() };
  for await (const chunk of stream) {
    const events: LogEvent[] = [];
    frames.read(chunk, (name, data) => append(events, name, lines[name].push(data)));
    for (const event of events) await emit(event);
  }
  if (frames.partial()) {
    throw new Failure('ENGINE_FAILED', "the engine cut the container's output", { transient: true });
  }
  for (const name of ['stdout', 'stderr'] as const) {
    const text = lines[name].flush();
    if (text !== '') await emit({ type: 'log', stream: name, text });
  }
}

function append(events: LogEvent[], stream: Stream, text: string): void {
  const last = events.at(-1);
  if (text === '') return;
  if (last?.stream === stream) last.text += text;
  else events.push({ type: 'log', stream, text });
}

/** Takes the stream apart without waiting for whole frames. */
function frameReader() {
  const head = Buffer.alloc(HEAD);
  let known = 0;
  let missing = 0;
  return {
    read(chunk: Buffer, give: (stream: Stream, data: Buffer) => void) {
      for (let at = 0; at < chunk.length;) {
        if (missing === 0) {
          const copied = chunk.copy(head, known, at, at + HEAD - known);
          known += copied;
          at += copied;
          if (known < HEAD) return;
          known = 0;
          missing = head.readUInt32BE(4);
        }
        const data = chunk.subarray(at, at + missing);
        if (data.length > 0) give(head[0] === 2 ? 'stderr' : 'stdout', data);
        missing -= data.length;
        at += data.length;
      }
    },
    partial: () => known > 0 || missing > 0,
  };
}

/** Whole lines of bytes; characters stay whole. */
function lineReader() {
  const decoder = new StringDecoder('utf8');
  const lines = wholeLines();
  return {
    push: (data: Buffer): string => lines.push(decoder.write(data)),
    flush: (): string => lines.push(decoder.end()) + lines.flush(),
  };
}
