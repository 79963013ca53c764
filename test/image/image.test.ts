import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { pack } from 'tar-fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { hardened, socket, socketGroup, USER } from '../scenarios/container.js';
import { docker, saidByRun } from '../scenarios/engine.js';
import { servedDigest } from '../scenarios/registry.js';
import { createRepository, credentials, type Repository } from '../scenarios/repository.js';
import { run } from '../scenarios/run.js';
import { outputOf } from '../scenarios/runner.js';
import { startContainer } from './start.js';

const RUNNER = 'buildbot-lab/runner:1';
const EMBEDDED = 'buildbot-lab/embedded:1';
const ON_LOOPBACK = ['--network', 'host', '-e', 'BUILDBOT_SSH_ADDRESS=127.0.0.1:0'];
const KEY = ['-e', 'SSH_PUBKEY_IN_INITIATE_BUILDS'];

/** What an engine in a container needs of --privileged, which as a whole is more than a machine may have to give. */
const PRIVILEGED = [
  ...['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE', '--device-cgroup-rule', 'a *:* rwm'],
  ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
  ...['--security-opt', 'systempaths=unconfined'],
];

const inContainer = (name: string, script: string) => run('docker', ['exec', name, 'sh', '-c', script]);

describe('the image', () => {
  let repository: Repository;
  beforeAll(async () => {
    await run('test/lab/image', ['build']);
    repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_REGISTRY')}/base/busybox:1\nARG SECONDS=0\nRUN echo started; sleep $SECONDS; : ${randomUUID()}\n`,
    });
  }, 600_000);
  afterAll(() => repository[Symbol.asyncDispose]());

  it('adds less than 250 MB to its base, has no compiler, and says what it is', async () => {
    const base = (await run('test/lab/base-node', [])).trim();
    const [ours, below] = await Promise.all([RUNNER, base].map((name) => docker.getImage(name).inspect()));
    expect(ours!.Size - below!.Size).toBeLessThan(250e6);
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(ours!.Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'buildbot',
      'org.opencontainers.image.version': version,
    });
    expect(ours!.Config.ExposedPorts).toEqual({ '2222/tcp': {} });
    expect(ours!.Config.Volumes).toEqual({ '/buildbot-work': {} });
    const script = 'cd /opt/buildbot/node_modules; ls -d typescript vitest; command -v cc gcc make dockerd';
    const words = ['run', '--rm', '--entrypoint', 'sh', RUNNER, '-c', `(${script}) 2>&-; echo nothing`];
    expect(await run('docker', words)).toBe('nothing\n');
  });

  it('runs with the command line of function61/buildbot, and not as root', async () => {
    const work = await mkdtemp(join(tmpdir(), 'buildbot-work-'));
    const volumes = ['-v', `${socket()}:/var/run/docker.sock`, '-v', `${work}:/buildbot-work`];
    await using container = await startContainer(RUNNER, [...volumes, ...KEY]);
    const top = await run('docker', ['top', container.name, '-eo', 'pid,uid,args']);
    expect(top).toMatch(new RegExp(`^\\d+ +${USER} +node .*serve$`, 'm'));
    expect((await stat(work)).uid).toBe(USER);

    const context = join(work, 'context');
    await mkdir(context);
    await writeFile(
      join(context, 'Dockerfile'),
      `FROM ${lab('LAB_BASE_IMAGE')}\nRUN echo built; : ${randomUUID()}\n`,
    );
    const image = `buildbot-lab/seed-${randomUUID()}`;
    const command = `buildbot.sh --context - --no-push --image ${image} --tag 1`;
    const { code, stdout } = await container.ssh(command, await buffer(pack(context)));
    expect(stdout).toMatch(saidByRun('built'));
    expect(code).toBe(0);
    await docker.getImage(`${image}:1`).remove();

    expect(await inContainer(container.name, 'buildbot.sh; true')).toMatch(/^Usage: buildbot build/);
    await inContainer(container.name, 'buildbot healthcheck');
    await rm(work, { recursive: true, force: true });
  });

  it('says which group to add where the socket is not its to use', async () => {
    const words = ['--user', String(USER), '--volume', `${socket()}:/var/run/docker.sock`, ...KEY];
    const group = await socketGroup();
    await expect(startContainer(RUNNER, words)).rejects.toThrow(
      `/var/run/docker.sock belongs to group ${group}: start the runner with it (docker run --group-add ${group})`,
    );
  });

  it('works read-only, without a capability and with an engine behind DOCKER_HOST', async () => {
    const relay = createServer((client) => {
      const engine = connect(socket());
      client.on('error', () => engine.destroy()).pipe(engine);
      engine.on('error', () => client.destroy()).pipe(client);
    });
    await once(relay.listen(0, '127.0.0.1'), 'listening');
    const host = `DOCKER_HOST=tcp://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const flags = [...(await hardened()), ...ON_LOOPBACK, ...KEY, '-e', host];
    await using container = await startContainer(RUNNER, flags);
    const image = `${lab('LAB_REGISTRY')}/image/${randomUUID()}`;
    const command = `build --repo ${repository.url} --image ${image} --tag 1 --credentials -`;
    const { code, stderr } = await container.ssh(command, credentials());
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(await servedDigest(`${image}:1`)).toMatch(/^sha256:/);
    relay.close();
  });

  it('brings an engine with it: a build whose engine is killed exits 69, the next one 0', async () => {
    await using container = await startContainer(EMBEDDED, [...PRIVILEGED, ...ON_LOOPBACK, ...KEY]);
    const command = `build --repo ${repository.url} --no-push --credentials -`;
    const client = container.open(`${command} --build-arg SECONDS=1000`, credentials());
    const ended = outputOf(client);
    let seen = '';
    client.stdout.on('data', (data: Buffer) => (seen += data.toString()));
    while (!saidByRun('started').test(seen) && client.exitCode === null) await setTimeout(20);
    const isDockerd = '[ "$(tr "\\0" " " <$p/cmdline | cut -d " " -f 1)" = dockerd ]';
    const kill = `for p in /proc/[0-9]*; do if ${isDockerd}; then kill -9 \${p#/proc/}; fi; done`;
    await inContainer(container.name, `${kill} 2>/dev/null; true`);
    expect(await ended).toMatchObject({ code: 69 });
    expect(await container.ssh(command, credentials())).toMatchObject({ code: 0 });
    expect(await run('docker', ['stop', '--time', '30', container.name])).toContain(container.name);
    const { State } = await docker.getContainer(container.name).inspect();
    expect(State.ExitCode).toBe(0);
  });
});
