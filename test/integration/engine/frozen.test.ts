import { randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { formatReference, type ImageReference } from '../../../src/model/reference.js';
import { baseImage, docker, failureOf, imageSpec, lab, recorder } from './lab.js';
import { freezingEngine } from './scripted.js';

function target(): ImageReference {
  return {
    registry: lab('LAB_REGISTRY'),
    repository: `team/app-${randomUUID()}`,
    tag: '1',
    digest: undefined,
  };
}

const access = () => ({ registries: new Map(), ...recorder() });

async function freezing(request: RegExp, buildkit: 'yes' | 'no' = 'yes') {
  const way = await freezingEngine(request);
  const engine = createDockerEngine({ buildkit, connection: { socketPath: way.socketPath } });
  return { ...way, engine };
}

// Side by side: each waits for a deadline.
describe.concurrent('an engine that accepts and never answers', (test) => {
  test.for(['tag', 'untag'] as const)('does not hold %s for ever', async (call) => {
    await using way = await freezing(/^/);
    const called = call === 'tag' ? way.engine.tag('a', target()) : way.engine.untag('a');
    const failure = await failureOf(called);
    expect(failure.code).toBe('ENGINE_UNREACHABLE');
    expect(failure.message).toContain('did not answer within 10 s');
  });

  test.for([/^GET \/images\/.*\/json/, /^POST \/images\/.*\/tag/, /^POST \/images\/.*\/push/])(
    'does not hold a cancelled push at %s',
    async (request) => {
      await using way = await freezing(request);
      const [to, io] = [target(), access()];
      const pushing = way.engine.push(baseImage(), to, io);
      const rejected = expect(pushing).rejects.toThrow('enough');
      await way.frozen;
      io.abort.abort(new Error('enough'));
      await rejected;
      await docker
        .getImage(formatReference(to))
        .remove()
        .catch(() => undefined);
    },
  );

  test('does not hold a tag that waits for a push', async () => {
    await using way = await freezing(/^POST \/images\/.*\/push/);
    const [to, io] = [target(), access()];
    const pushing = way.engine.push(baseImage(), to, io);
    const rejected = expect(pushing).rejects.toThrow('enough');
    await way.frozen;
    const failure = await failureOf(way.engine.tag(baseImage(), to));
    expect(failure).toMatchObject({ code: 'ENGINE_FAILED', transient: true });
    expect(failure.message).toContain(`${formatReference(to)} is in use by another build`);
    io.abort.abort(new Error('enough'));
    await rejected;
    await docker.getImage(formatReference(to)).remove();
  });

  test('does not undo a push: the name that it leaves is a warning', async () => {
    await using way = await freezing(/^DELETE \/images\//);
    const [to, io] = [target(), access()];
    const { digest } = await way.engine.push(baseImage(), to, io);
    expect(digest).toMatch(/^sha256:/);
    const name = formatReference(to);
    expect(io.warnings()).toEqual([expect.stringMatching(`${name}.*did not answer within 10 s`)]);
    await docker.getImage(name).remove();
  });

  test.for(['yes', 'no'] as const)('does not hold a cancelled build (BuildKit: %s)', async (buildkit) => {
    await using way = await freezing(/^GET \/images\/.*\/json/, buildkit);
    const [io, spec] = [recorder(), imageSpec({ dockerfile: `FROM ${baseImage()}` })];
    const building = way.engine.build(spec, io);
    const rejected = expect(building).rejects.toThrow('enough');
    await way.frozen;
    io.abort.abort(new Error('enough'));
    await rejected;
    await docker.getImage(spec.tag).remove();
  });

  test('does not hide why a build was refused', async () => {
    await using way = await freezing(/^DELETE \/images\//, 'no');
    const spec = imageSpec({ dockerfile: `FROM ${baseImage()}`, options: { platform: 'linux/arm64' } });
    expect((await failureOf(way.engine.build(spec, recorder()))).code).toBe('NOT_SUPPORTED');
    await docker.getImage(spec.tag).remove();
  });
});
