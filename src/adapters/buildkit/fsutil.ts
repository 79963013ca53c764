import { FRAME_HEADER, writeFrameHeader } from './frames.js';
import { asNumber, asText, readMessage, writeMessage } from './wire.js';

/** Messages of BuildKit's file transfer (tonistiigi/fsutil, types/wire.proto and types/stat.proto). */
const packetType = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const;

/** What the engine sends while it receives files. `id` counts the stat packets from 0. */
type ReceiverPacket =
  | { kind: 'request'; id: number }
  | { kind: 'finish' }
  | { kind: 'error'; message: string }
  | { kind: 'other' };

export function readPacket(message: Buffer): ReceiverPacket {
  let type: number = packetType.stat;
  let id = 0;
  let data = '';
  readMessage(message, (field, value) => {
    if (field === 1) type = asNumber(value);
    else if (field === 3) id = asNumber(value);
    else if (field === 4) data = asText(value);
  });
  if (type === packetType.request) return { kind: 'request', id };
  if (type === packetType.finish) return { kind: 'finish' };
  if (type === packetType.error) return { kind: 'error', message: data };
  return { kind: 'other' };
}

export const endOfStats: Uint8Array = Buffer.alloc(0);
export const finishPacket: Uint8Array = writeMessage().integer(1, packetType.finish).finish();

/** What goes before `size` bytes of a file, as a gRPC frame; before none it is the whole frame, and the file's end. */
export function dataFrame(id: number, size: number): Buffer {
  const packet = writeMessage().integer(1, packetType.data).integer(3, id).lengthOf(4, size).finish();
  const frame = Buffer.allocUnsafe(FRAME_HEADER + packet.length);
  writeFrameHeader(frame, 0, packet.length + size);
  frame.set(packet, FRAME_HEADER);
  return frame;
}
