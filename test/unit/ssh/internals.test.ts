import { describe, expect, it } from 'vitest';
import { checkInternals, sampleInternals } from '../../../src/ssh/internals.js';

describe('checkInternals', () => {
  it('is content with the installed ssh2', () => {
    expect(() => checkInternals()).not.toThrow();
  });

  it('names what another version lacks', () => {
    const { connection, channel } = sampleInternals();
    const { _protocol: protocol } = connection as { _protocol: { _handlers: { CHANNEL_REQUEST?: unknown } } };
    delete protocol._handlers.CHANNEL_REQUEST;
    delete (channel as { _chunkErr?: unknown })._chunkErr;
    expect(() => checkInternals({ connection, channel })).toThrow(
      'this version of ssh2 does not fit, use 1.17.0: it lacks _protocol._handlers.CHANNEL_REQUEST, _chunkErr',
    );
  });
});
