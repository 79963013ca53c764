import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { docker, leftovers, namedAfter } from './engine.js';
import { createRepository, credentials } from './repository.js';
import { outputOf, startRunner } from './runner.js';

let data: string;
beforeEach(async () => (data = await mkdtemp(join(tmpdir(), 'buildbot-local-'))));
afterEach(() => rm(data, { recursive: true, force: true }));

/** `bin/buildbot` itself, without a server. */
function buildHere(words: readonly string[], environment: Record<string, string> = {}) {
  const child = spawn('bin/buildbot', ['build', ...words, '--credentials', '-'], {
    stdio: 'pipe',
    env: { ...process.env, BUILDBOT_DATA_DIR: data, ...environment },
  });
  child.stdin.end(credentials());
  return child;
}

const dockerfile = () => `FROM ${lab('LAB_BASE_IMAGE')}\nRUN : ${randomUUID()}\n`;
const names = () => readdir(join(data, 'runners'));

describe('a build without a server', () => {
  it('that was killed leaves nothing once a server has started', async () => {
    await using repository = await createRepository({ Dockerfile: dockerfile() });
    const flags = ['-t', 'never.example/x:1', '--no-push', '--test', 'sleep 1000'];
    const child = buildHere(['--repo', repository.url, ...flags]);
    let seen = '';
    for await (const chunk of child.stdout) if (/\$ sleep 1000/.test((seen += String(chunk)))) break;
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await leftovers({ data })).length).toBeGreaterThan(0);
    const before = await names();
    await using _next = await startRunner({ BUILDBOT_DATA_DIR: data });
    expect(await names()).not.toEqual(expect.arrayContaining(before));
    expect(await namedAfter(before)).toEqual([]);
  });

  it('that was killed leaves no key once another build has ended', async () => {
    await using repository = await createRepository({ Dockerfile: dockerfile() });
    const build = ['--repo', repository.url, '-t', 'never.example/x:1', '--no-push', '--test'];
    const child = buildHere([...build, 'sleep 1000']);
    let seen = '';
    for await (const chunk of child.stdout) if (/\$ sleep 1000/.test((seen += String(chunk)))) break;
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [dead = ''] = await names();
    const files = async () => {
      const places = [existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), join(data, 'scratch')];
      const found = await Promise.all(places.map((place) => readdir(place)));
      return found.flat().filter((name) => name.includes(`-${dead}-`));
    };
    expect(await files()).toHaveLength(2);
    expect((await outputOf(buildHere([...build, 'exit 3']))).code).toBe(1);
    expect(await files()).toEqual([]);
    expect(await names()).toEqual([]);
    expect(await namedAfter([dead])).toEqual([]);
  });

  it('whose output cannot be written says so, and is not the fault of the build', async () => {
    await using repository = await createRepository({ Dockerfile: dockerfile() });
    const full = openSync('/dev/full', 'w');
    const words = ['plan', '--repo', repository.url, '--image', 'a.example/x', '--credentials', '-'];
    const child = spawn('bin/buildbot', words, {
      stdio: ['pipe', full, 'pipe'],
      env: { ...process.env, BUILDBOT_DATA_DIR: data },
    });
    closeSync(full);
    child.stdin!.end(credentials());
    let stderr = '';
    child.stderr!.on('data', (chunk) => (stderr += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, stderr }).toEqual({
      code: 69,
      stderr: expect.stringMatching(/^buildbot: stdout cannot be written \(ENOSPC\); .*\(DISK_FULL\)$/m),
    });
  });

  it('that ended leaves not even its name', async () => {
    await using repository = await createRepository({ Dockerfile: dockerfile() });
    const flags = ['-t', 'never.example/x:1', '--no-push', '--test', 'exit 3'];
    const child = buildHere(['--repo', repository.url, ...flags]);
    expect((await outputOf(child)).code).toBe(1);
    expect(await names()).toEqual([]);
  });

  it('collects what is cached before it ends', async () => {
    await using repository = await createRepository({ Dockerfile: dockerfile() });
    await using way = await scriptedVolumes(data);
    const builder = ['--builder-image', lab('LAB_BASE_IMAGE'), '--builder-command', 'true'];
    const tag = `never.example/x:${randomUUID()}`;
    const child = buildHere(
      ['--repo', repository.url, '-t', tag, '--no-push', ...builder, '--builder-cache', '/cache'],
      { DOCKER_HOST: `unix://${way.socketPath}`, BUILDBOT_CACHE_LIMIT: '1' },
    );
    // The engine measures for longer than the build takes.
    let seen = '';
    child.stdout.on('data', (chunk) => {
      if (/^__build_result_meta/m.test((seen += String(chunk)))) way.measured();
    });
    const { code, stderr } = await outputOf(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(way.removed).toEqual(['buildbot-cache-old']);
    expect(await readdir(join(data, 'git'))).toEqual([]);
    await docker.getImage(tag).remove();
    await Promise.all((await readdir(join(data, 'caches'))).map((name) => docker.getVolume(name).remove()));
  });
});

/** A way to the engine that has volumes of its own: an old cache, known when it is `measured`. */
async function scriptedVolumes(directory: string) {
  const socketPath = join(directory, 'docker.sock');
  const removed: string[] = [];
  let measured!: () => void;
  const measuring = new Promise<void>((resolve) => (measured = resolve));
  const body = () => {
    const Labels = { 'buildbot.family': readFileSync(join(directory, 'family'), 'utf8') };
    return JSON.stringify({ Volumes: [{ Name: 'buildbot-cache-old', Labels, UsageData: { Size: 2 } }] });
  };
  const server = createServer((socket) => {
    const engine = connect(lab('DOCKER_HOST').replace('unix://', ''));
    for (const end of [socket, engine]) end.on('error', () => undefined);
    engine.pipe(socket);
    socket.on('close', () => engine.destroy());
    socket.on('data', (data: Buffer) => {
      const [request = ''] = data.toString('latin1').split('\r\n', 1);
      const volume = /^DELETE \/volumes\/(\S+)/.exec(request)?.[1];
      if (volume !== undefined) {
        removed.push(volume);
        socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n');
      } else if (request.startsWith('GET /system/df')) {
        const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body().length}\r\n\r\n`;
        void measuring.then(() => socket.write(head + body()));
      } else engine.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    removed,
    measured,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

it('a repository of the machine itself, where the server allows that', async () => {
  await using repository = await createRepository({ Dockerfile: dockerfile() });
  const url = `file://${lab('LAB_GIT_ROOT')}/${repository.name}.git`;
  await using runner = await startRunner({ BUILDBOT_ALLOW_FILE_REPOS: 'yes' });
  expect((await runner.ssh(`build --repo ${url} --no-push`)).code).toBe(0);
});
