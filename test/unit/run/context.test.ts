import { expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/model/events.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { noCredentials } from '../../../src/model/credentials.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';
import { createFeed } from '../../../src/run/feed.js';
import { caller, world } from './world.js';

async function* stream() {
  yield Buffer.from('a ');
  yield Buffer.from('tar');
}

it('builds a context, whose content stands for the revision', async () => {
  const { builds, contexts } = world();
  const { flags } = parseCommand(splitCommand('build --context - --image registry.example/a'), {
    local: false,
  });
  const request = toBuildRequest(flags, noCredentials, { context: { stream: stream(), owner: 'me' } });
  const events: BuildEvent[] = [];
  const emit = (event: BuildEvent) => void events.push(event);
  const { signal } = new AbortController();
  const result = await builds.submit(request, {
    caller,
    emit,
    feed: createFeed(emit),
    signal,
    redact: (text) => text,
  });
  expect(contexts.received).toEqual(['a tar']);
  const id = 'c'.repeat(64);
  expect(result).toMatchObject({ exitCode: 0, source: { repo: '-', revision: id, author: '' } });
  expect(result.source).not.toHaveProperty('ref');
  expect(result.images).toMatchObject([{ project: 'a', refs: [{ ref: `registry.example/a:${id}` }] }]);
});
