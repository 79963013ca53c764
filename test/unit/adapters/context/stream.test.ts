import { expect, it } from 'vitest';
import { nextChunk } from '../../../../src/adapters/context/stream.js';

async function* silent(): AsyncGenerator<Uint8Array> {
  await new Promise(() => undefined);
  yield Buffer.alloc(0);
}

it('a caller who sends nothing in the middle of a context is told so after a while', async () => {
  await expect(nextChunk(silent(), new AbortController().signal, 10)).rejects.toMatchObject({
    code: 'SOURCE_FAILED',
    message: 'nothing came on stdin for 10ms in the middle of the context',
  });
});
