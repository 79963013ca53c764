import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { createCaches } from '../../../src/adapters/docker/caches.js';
import { runnerOn } from '../../fakes/depot.js';
import { createDockerContainers } from '../../../src/adapters/docker/containers.js';
import { testImage } from '../../../src/steps/test.js';
import { noCredentials } from '../../../src/model/credentials.js';
import { container, containersOf } from './containers-lab.js';
import { baseImage, docker, failureOf, recorder } from './lab.js';
import { freezingEngine } from './scripted.js';

async function freezing(request: RegExp) {
  const way = await freezingEngine(request);
  const containers = createDockerContainers({ connection: { socketPath: way.socketPath } });
  return { ...way, containers };
}

/** Removes what a build could not, and says how much that was. */
async function removeLeft(build: string): Promise<number> {
  const left = await containersOf(build);
  await Promise.all(left.map((id) => docker.getContainer(id).remove({ force: true })));
  return left.length;
}

// Side by side: each waits for a deadline.
describe.concurrent('an engine that stops answering', (test) => {
  test('does not change why a test failed: the container that it keeps is a warning', async () => {
    await using way = await freezing(/^DELETE \/containers\//);
    const [build, io] = [`test-${randomUUID()}`, recorder()];
    const step = { kind: 'test', commands: ['exit 3'], secrets: [] } as const;
    const tools = { containers: way.containers, build, image: baseImage(), credentials: noCredentials };
    const failure = await failureOf(testImage(step, tools, io));
    expect(failure).toMatchObject({ code: 'TEST_FAILED', commandExitCode: 3 });
    expect(io.warnings()).toEqual([
      expect.stringMatching(
        `^could not remove the container buildbot-${build}-.*did not answer within 10 s$`,
      ),
    ]);
    expect(await removeLeft(build)).toBe(1);
  });

  test('does not hold a cancelled run, and the caller hears of it', async () => {
    await using way = await freezing(/^POST \/containers\/.*\/kill/);
    const build = `test-${randomUUID()}`;
    const made = await container({ build, command: 'echo begun; sleep 1000' }, { from: way.containers });
    const running = made.run(made.io);
    const rejected = expect(running).rejects.toThrow('enough');
    await made.io.seen(/begun/);
    made.io.abort.abort(new Error('enough'));
    await rejected;
    expect(made.io.warnings()).toEqual([
      expect.stringMatching(`^could not stop the container buildbot-${build}-.*did not answer within 10 s$`),
    ]);
    expect(await removeLeft(build)).toBe(1);
  });

  test('does not hold a build that wants a cache, cancelled or not', async () => {
    await using way = await freezingEngine(/^/);
    const directory = await mkdtemp(join(tmpdir(), 'caches-test-'));
    const { locks } = runnerOn(directory);
    const connection = { socketPath: way.socketPath };
    const caches = createCaches({ connection, directory, locks, family: async () => 'family' });
    const [waiting, cancelled] = [recorder(), recorder()];
    const late = failureOf(caches.acquire('repository', '/a', waiting));
    const stopped = expect(caches.acquire('repository', '/b', cancelled)).rejects.toThrow('enough');
    await way.frozen;
    cancelled.abort.abort(new Error('enough'));
    await stopped;
    const failure = await late;
    expect(failure).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect(failure.message).toContain('did not answer within 10 s');
    await rm(directory, { recursive: true });
  });
});
