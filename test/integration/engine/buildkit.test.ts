import { readdir, readFile } from 'node:fs/promises';
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { Secret } from '../../../src/model/secret.js';
import { brokenTree, memoryTree } from '../../fakes/trees.js';
import { baseImage, docker, failureOf, imageSpec, lab, outputOf, password, recorder } from './lab.js';

const engine = createDockerEngine({ buildkit: 'yes' });
const built: string[] = [];

async function build(change: Parameters<typeof imageSpec>[0], io = recorder()) {
  const spec = imageSpec(change);
  built.push(spec.tag);
  return { image: await engine.build(spec, io), io, spec };
}

afterAll(() => Promise.all(built.map((tag) => engine.untag(tag))));

/** Command lines of the processes of this machine that have this in them: a RUN's shell, and what it runs. */
async function processes(mark: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(read)).filter((line) => line.includes(mark));
}

describe('an image', () => {
  test('is built from a tree, inspected and tagged', async () => {
    const tree = memoryTree({
      'app/run.sh': { content: '#!/bin/sh\necho hello\n', mode: 0o755 },
      link: { symlink: 'app/run.sh' },
    });
    const { image, spec, io } = await build({
      dockerfile: `FROM ${baseImage()}\nCOPY . /src/\nRUN ls -ln /src/app && /src/link # ${randomUUID()}`,
      context: { tree },
    });
    expect(image).toMatchObject({ platform: 'linux/amd64', cached: false });
    expect(image.id).toMatch(/^sha256:/);
    expect(image.size).toBeGreaterThan(0);
    expect((await docker.getImage(spec.tag).inspect()).Id).toBe(image.id);
    expect(io.stdout()).toMatch(/#\d+ \d\.\d{3} hello\n/);
    expect(io.stdout()).toMatch(/-rwxr-xr-x +1 0 +0 .* run\.sh/);
  });

  test('comes from the cache the second time', async () => {
    const change = {
      dockerfile: `FROM ${baseImage()}\nCOPY a /a\nRUN echo ${randomUUID()}`,
      context: { tree: memoryTree({ a: 'a' }), sharedKey: randomUUID() },
    };
    await build(change);
    const { image, io } = await build(change);
    expect(image.cached).toBe(true);
    expect(io.stdout()).toMatch(/#\d+ \[3\/3\] RUN .*\n#\d+ CACHED\n/);
  });

  test('gets target, args, labels and hosts', async () => {
    const { image, io } = await build({
      dockerfile: `FROM ${baseImage()} AS one\nARG WHO\nRUN echo "who=$WHO" && cat /etc/hosts # ${randomUUID()}\nFROM one AS two\nRUN echo never`,
      options: {
        target: 'one',
        buildArgs: new Map([['WHO', 'ünï']]),
        labels: new Map([['l', 'v']]),
        addHosts: ['h:10.0.0.9'],
      },
    });
    expect(io.stdout()).toContain('who=ünï\n');
    expect(io.stdout()).toMatch(/10\.0\.0\.9\s+h\n/);
    expect(io.stdout()).not.toContain('never');
    expect((await docker.getImage(image.id).inspect()).Config.Labels).toMatchObject({ l: 'v' });
  });

  test('takes a Dockerfile that is not in the tree and does not copy it', async () => {
    const { image } = await build({
      dockerfile: `FROM ${baseImage()}\nCOPY . /src`,
      context: { tree: memoryTree({ a: '' }), dockerfileName: 'deploy/Dockerfile.prod' },
    });
    expect(await outputOf(image.id, ['ls', '-A', '/src'])).toBe('a\n');
  });

  test('has names with spaces, commas and characters beyond ASCII', async () => {
    const tree = memoryTree({ 'a, b.txt': '1', 'ünï cödé/日本.txt': '2', other: '3' });
    const { image } = await build({
      dockerfile: `FROM ${baseImage()}\nCOPY ["a, b.txt", "/src/"]\nCOPY ["ünï cödé", "/src/u/"]`,
      context: { tree },
    });
    expect(await outputOf(image.id, ['sh', '-c', 'cd /src && cat a* u/*'])).toBe('12');
    expect(tree.reads).not.toContain('other');
  });
});

describe('the context', () => {
  test('is read only where it changed, and a change of the same size in the same second is one', async () => {
    const sharedKey = randomUUID();
    const dockerfile = `FROM ${baseImage()}\nCOPY . /src`;
    const first = memoryTree({ a: 'one', b: 'two' });
    await build({ dockerfile, context: { tree: first, sharedKey } });
    const same = memoryTree({ a: 'one', b: 'two' });
    await build({ dockerfile, context: { tree: same, sharedKey } });
    const changed = memoryTree({ a: 'one', b: 'six' });
    const { image } = await build({ dockerfile, context: { tree: changed, sharedKey } });
    expect([first.reads.sort(), same.reads, changed.reads]).toEqual([['a', 'b'], [], ['b']]);
    expect(await outputOf(image.id, ['cat', '/src/b'])).toBe('six');
  });

  test('is not read for what the Dockerfile does not copy', async () => {
    const tree = memoryTree({ '.dockerignore': 'x', a: '1', 'big/b': '2', 'big/c/d': '3' });
    await build({ dockerfile: `FROM ${baseImage()}\nCOPY big/c /src`, context: { tree } });
    expect(tree.reads.toSorted()).toEqual(['.dockerignore', 'big/c/d']);
  });

  test('whose reading fails gives the reason', async () => {
    const tree = brokenTree({ a: '1' }, new Error('the disk is gone'));
    const failed = build({ dockerfile: `FROM ${baseImage()}\nCOPY . /src`, context: { tree } });
    await expect(failed).rejects.toThrow('the disk is gone');
  });

  test('of 400 MB goes through flat memory', async () => {
    const file = randomBytes(1024 * 1024);
    const size = 100 * file.length;
    const entries = ['a', 'b', 'c', 'd'].map((path) => ({
      type: 'file' as const,
      path,
      mode: 0o644,
      size,
      id: path + randomUUID(),
      mtime: 1,
    }));
    let peak = 0;
    const tree = {
      entries: () => Promise.resolve(entries),
      async *read(files: Iterable<(typeof entries)[0]> | AsyncIterable<(typeof entries)[0]>) {
        for await (const entry of files) yield { entry, chunks: pieces() };
      },
    };
    async function* pieces() {
      for (let i = 0; i < 100; i++) {
        peak = Math.max(peak, process.memoryUsage().rss);
        yield file;
      }
    }
    const before = process.memoryUsage().rss;
    const { image } = await build({ dockerfile: `FROM scratch\nCOPY . /`, context: { tree } });
    expect(image.size).toBe(4 * size);
    expect(peak - before).toBeLessThan(150e6);
  }, 60_000);
});

describe('the log', () => {
  test('brings a line while the step runs', async () => {
    const io = recorder();
    const mark = `33${Math.floor(Math.random() * 1e6)}`;
    const building = build({ dockerfile: `FROM ${baseImage()}\nRUN echo early; sleep ${mark}` }, io);
    await io.seen(/#\d+ \d\.\d+ early\n/);
    expect(await processes(mark)).not.toHaveLength(0);
    io.abort.abort(new Error('enough'));
    await expect(building).rejects.toThrow('enough');
  });

  test('tells stdout and stderr apart and ends each step', async () => {
    const { io } = await build({
      dockerfile: `FROM ${baseImage()}\nRUN echo to-stdout; echo to-stderr >&2 # ${randomUUID()}`,
    });
    expect(io.stdout()).toMatch(/#\d+ \d\.\d+ to-stdout\n#\d+ DONE \d\.\ds\n/);
    expect(io.stderr()).toMatch(/^#\d+ \d\.\d+ to-stderr\n$/);
  });

  test('brings a line of any length as one', async () => {
    // Less than what BuildKit lets pass in a second.
    const text = randomBytes(45_000).toString('hex');
    const { io } = await build({
      dockerfile: `FROM ${baseImage()}\nCOPY t /t\nRUN cat /t && echo && echo next # ${randomUUID()}`,
      context: { tree: memoryTree({ t: text }) },
    });
    const [, line] = /#\d+ \d\.\d+ ([0-9a-f]{80000,})\n#\d+ \d\.\d+ next\n/.exec(io.stdout()) ?? [];
    expect(line === text).toBe(true);
  });

  test('keeps characters whole and lines without an end', async () => {
    const text = 'ünï→日本'.repeat(3000);
    const { io } = await build({
      dockerfile: `FROM ${baseImage()}\nCOPY t /t\nRUN cat /t # ${randomUUID()}`,
      context: { tree: memoryTree({ t: text }) },
    });
    expect(io.stdout()).toContain(`${text}\n`);
    expect(io.events.every((event) => event.type !== 'log' || event.text.endsWith('\n'))).toBe(true);
  });

  test('warns where the engine cuts it', async () => {
    const { io } = await build({ dockerfile: `FROM ${baseImage()}\nRUN seq 1 1000000 # ${randomUUID()}` });
    expect(io.warnings()).toEqual([expect.stringContaining('BUILDKIT_STEP_LOG_MAX_SIZE')]);
  }, 60_000);
});

describe('a build that fails', () => {
  test('in a RUN gives its exit code and the instruction', async () => {
    const failure = await failureOf(build({ dockerfile: `FROM ${baseImage()}\nRUN exit 7` }));
    expect(failure).toMatchObject({ code: 'DOCKERFILE_FAILED', commandExitCode: 7, exitCode: 1 });
    expect(failure.message).toContain('[2/2] RUN exit 7');
  });

  test.each([
    ['a COPY of nothing', 'COPY nothing /', 'DOCKERFILE_FAILED'],
    ['an unknown instruction', 'FLY away', 'DOCKERFILE_INVALID'],
    [
      'an image to copy from that is not there',
      'COPY --from=REGISTRY/no/such:image /a /',
      'BASE_IMAGE_UNAVAILABLE',
    ],
  ])('with %s is the fault of the Dockerfile', async (_, line, code) => {
    const dockerfile = `FROM ${baseImage()}\n${line.replace('REGISTRY', lab('LAB_REGISTRY'))}`;
    const failure = await failureOf(build({ dockerfile }));
    expect(failure.code).toBe(code);
    expect(failure.commandExitCode).toBeUndefined();
  });

  test('for a target that is not there is the fault of the Dockerfile', async () => {
    const options = { target: 'none' };
    const failure = await failureOf(build({ dockerfile: `FROM ${baseImage()}`, options }));
    expect(failure.code).toBe('DOCKERFILE_INVALID');
  });

  test('for its base image names it', async () => {
    const name = `${lab('LAB_REGISTRY')}/no/such:image`;
    const failure = await failureOf(build({ dockerfile: `FROM ${name}\nRUN true` }));
    expect(failure).toMatchObject({ code: 'BASE_IMAGE_UNAVAILABLE', exitCode: 1 });
    expect(failure.message).toContain(name);
  });

  test('for a network that BuildKit has not is refused', async () => {
    const failure = await failureOf(
      build({ dockerfile: `FROM ${baseImage()}`, options: { network: 'mine' } }),
    );
    expect(failure.code).toBe('NOT_SUPPORTED');
  });
});

describe('what the caller lends', () => {
  test('secrets reach the RUN that mounts them, and a missing one fails it', async () => {
    const dockerfile = () =>
      `FROM ${baseImage()}\nRUN --mount=type=secret,id=token,required=true wc -c < /run/secrets/token # ${randomUUID()}`;
    const secrets = new Map([['token', new Secret('s3cret')]]);
    const { io } = await build({ dockerfile: dockerfile(), secrets });
    expect(io.stdout()).toMatch(/#\d+ \d\.\d+ 6\n/);
    expect(io.stdout()).not.toContain('s3cret');
    expect((await failureOf(build({ dockerfile: dockerfile() }))).code).toBe('DOCKERFILE_FAILED');
  });

  test("a RUN that mounted a secret is served to the secret's owner alone", async () => {
    const dockerfile = `FROM ${baseImage()}\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token # ${randomUUID()}`;
    const said = async (owner: string, value: string) => {
      const secrets = new Map([['token', new Secret(value)]]);
      return (await build({ dockerfile, secrets, owner })).io.stdout();
    };
    expect(await said('SHA256:a', 'four')).toMatch(/ 4\n/);
    expect(await said('SHA256:b', 'longer')).toMatch(/ 6\n/);
    expect(await said('SHA256:a', 'four')).toMatch(/CACHED/);
  });

  test('logins open a private base image to their registry alone', async () => {
    const registry = lab('LAB_AUTH_REGISTRY');
    const login = password(lab('LAB_AUTH_USERNAME'), lab('LAB_AUTH_PASSWORD'));
    const name = `private/base-${randomUUID()}`;
    const target = { registry, repository: name, tag: '1', digest: undefined };
    await engine.push(baseImage(), target, { registries: new Map([[registry, login]]), ...recorder() });
    const dockerfile = `FROM ${registry}/${name}:1\nRUN echo in`;
    const denied = await failureOf(build({ dockerfile, options: { pull: true } }));
    expect(denied.code).toBe('BASE_IMAGE_UNAVAILABLE');
    await build({ dockerfile, options: { pull: true }, registries: new Map([[registry, login]]) });
  });

  test('options that the engine drops give a warning', async () => {
    const { io } = await build({
      dockerfile: `FROM ${baseImage()}`,
      options: { shmSize: 1e6, ulimits: [{ name: 'nofile', soft: 9, hard: 9 }] },
    });
    const { ApiVersion } = await docker.version();
    const expected = Number(ApiVersion.split('.')[1]) < 42 ? 2 : 0;
    expect(io.warnings()).toHaveLength(expected);
  });

  test('a cache that cannot be read gives a warning', async () => {
    const ref = { registry: lab('LAB_REGISTRY'), repository: 'no/cache', tag: '1', digest: undefined };
    const { io } = await build({
      dockerfile: `FROM ${baseImage()}\nRUN echo ${randomUUID()}`,
      options: { cacheFrom: [{ kind: 'registry', ref }] },
    });
    expect(io.warnings()).toEqual([expect.stringContaining('no/cache')]);
  });
});

describe('an abort', () => {
  test('stops the RUN before the call settles', async () => {
    const io = recorder();
    const mark = `31${Math.floor(Math.random() * 1e6)}`;
    const building = build({ dockerfile: `FROM ${baseImage()}\nRUN echo started && sleep ${mark}` }, io);
    await io.seen(/\d started\n/);
    expect(await processes(mark)).not.toHaveLength(0);
    io.abort.abort(new Error('enough'));
    await expect(building).rejects.toThrow('enough');
    expect(await processes(mark)).toHaveLength(0);
  });

  test('before the start rejects at once', async () => {
    const io = recorder();
    io.abort.abort(new Error('early'));
    await expect(build({ dockerfile: `FROM ${baseImage()}` }, io)).rejects.toThrow('early');
  });
});
