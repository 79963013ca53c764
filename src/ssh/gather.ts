import { nextTick } from 'node:process';
import type { Socket } from 'node:net';

/**
 * What is written until the next tick leaves in one call of the system: ssh2 writes the length, the text and the tag of each
 * packet by themselves (protocol/crypto.js), and without Nagle's delay each would travel alone.
 */
export function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  let isGathering = false;
  const send = () => {
    isGathering = false;
    socket.uncork();
  };
  socket.write = (...given: unknown[]) => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      nextTick(send);
    }
    return write(...given);
  };
}
