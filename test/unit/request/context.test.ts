import { describe, expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { sourceName, sourcePlace } from '../../../src/model/request.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';

async function* stream(): AsyncGenerator<Uint8Array> {}

const request = (flags: string, owner = 'SHA256:me') =>
  toBuildRequest(
    parseCommand(splitCommand(`build --context - ${flags}`), { local: false }).flags,
    noCredentials,
    { context: { stream: stream(), owner } },
  );

describe('a request with a context', () => {
  it('has no repository', () => {
    const { source } = request('--image a');
    expect(source).toMatchObject({ kind: 'context', owner: 'SHA256:me' });
    expect(sourceName(source)).toBe('-');
  });

  it('keeps what it keeps for its caller and its image alone', () => {
    const places = [request('--image a'), request('--image b'), request('--image a', 'SHA256:other')];
    expect(new Set(places.map(sourcePlace)).size).toBe(3);
    expect(sourcePlace(request('--image a -t x'))).toBe(sourcePlace(request('--image a -t y')));
  });

  it.each([
    '--repo https://forge.example/a',
    '--revision main',
    '--vcs hg',
    '--lfs no',
    '--accept-new-host-key',
  ])('is refused with %s', (flags) => {
    expect(() => request(`--image a ${flags}`)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringContaining(flags.split(' ')[0]!) as string,
      }),
    );
  });
});
