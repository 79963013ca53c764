import { expect, test } from 'vitest';
import { sweepEngine } from '../../../src/adapters/docker/sweep.js';
import { scriptedEngine } from './scripted.js';

test('what cannot be removed stays with its runner, and holds up nothing else', async () => {
  await using engine = await scriptedEngine((line) => {
    const request = decodeURIComponent(line);
    const runner = /(?:runner=|buildbot-build:)(one|two)/.exec(request)?.[1] ?? '';
    if (request.startsWith('GET /containers/json')) return { status: 200, body: [{ Id: `${runner}-made` }] };
    if (request.startsWith('GET /images/json'))
      return { status: 200, body: ['a', 'b'].map((n) => ({ RepoTags: [`buildbot-build:${runner}-${n}`] })) };
    if (request.startsWith('GET /images/')) return { status: 200, body: { Id: 'sha256:1' } };
    if (request.startsWith('DELETE /containers/')) return { status: 204 };
    if (request.startsWith('DELETE /images/buildbot-build:one-a'))
      return { status: 409, body: { message: 'in use' } };
    return request.startsWith('DELETE /images/') ? { status: 200, body: [] } : { status: 404, body: {} };
  });
  const troubles: unknown[] = [];
  const swept = await sweepEngine(['one', 'two'], {
    connection: { socketPath: engine.socketPath },
    onTrouble: (error) => troubles.push(error),
  });
  expect(swept).toEqual({ containers: 2, images: 3, clean: ['two'] });
  expect(troubles).toMatchObject([{ message: 'in use' }]);
});
