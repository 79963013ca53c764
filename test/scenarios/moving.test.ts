import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { engineCan, docker } from './engine.js';
import { createRepository, credentials, type Files } from './repository.js';
import { startRunner, type Runner } from './runner.js';

const base = () => lab('LAB_BASE_IMAGE');
const warningsIn = (stderr: string) => stderr.match(/^warning: .*$/gm) ?? [];

/** An image of the engine's own whose user is not root. */
async function imageOfUser(user: string) {
  const name = `buildbot-scenario/${randomUUID()}`;
  const container = await docker.createContainer({ Image: base(), Cmd: ['true'] });
  await container.commit({ repo: name, tag: 'x', changes: `USER ${user}` });
  await container.remove();
  const image = `${name}:x`;
  return { image, [Symbol.asyncDispose]: () => docker.getImage(image).remove() as Promise<void> };
}

describe('repositories that move over', () => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner();
  });
  afterAll(() => runner[Symbol.asyncDispose]());

  async function build(files: Files, flags = '', more = '') {
    await using repository = await createRepository({ Dockerfile: `FROM ${base()}\n`, ...files });
    const command = `build --repo ${repository.url} --no-push --credentials - ${flags}`;
    return await runner.ssh(command, { input: credentials(more) });
  }

  it("build from roger's file with keys that only its server knew, each with one warning", async () => {
    const file =
      'my-project:\n  branch:       master\n  from:         https://github.com/me/awesome-project\n  after-build: [echo tested]\n';
    const { code, stdout, stderr } = await build({ 'build.yml': file });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tested$/m);
    expect(warningsIn(stderr)).toEqual([
      expect.stringContaining('build.yml:2:3: my-project.branch: ignored: '),
      expect.stringContaining('build.yml:3:3: my-project.from: ignored: '),
    ]);
  });

  it('run build.sh as a user that is not root, who may write where the source is', async () => {
    await using own = await imageOfUser('1000');
    const script = `#!/bin/sh -eu\n#build_inside_docker_image=${own.image}\nid -u\nmkdir public\ncp page public\necho more >> page\n`;
    const { code, stdout, stderr } = await build({ 'build.sh': script, page: 'hello\n' });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^1000$/m);
  });

  it('hear that a build.sh without an image is not run, and of what is no file in the result', async () => {
    const first = await build({ 'build.sh': 'make\n' });
    expect([first.code, ...warningsIn(first.stderr)]).toEqual([
      0,
      expect.stringContaining('build.sh is not run'),
    ]);
    const command = "--builder-image buildbot --builder-command 'mkfifo a b && echo c > c'".replace(
      'buildbot',
      base(),
    );
    const second = await build({}, command);
    expect(warningsIn(second.stderr)).toEqual([
      expect.stringContaining('left out of /project: 2 of its entries'),
    ]);
  });

  it.runIf(engineCan.isolateBuilds)(
    'have no network with --network none: neither builder nor test',
    async () => {
      const flags = `--network none --builder-image ${base()} --builder-command 'echo builder: $(ls /sys/class/net)' --test 'echo test: $(ls /sys/class/net)'`;
      const { code, stdout } = await build({}, flags);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^builder: lo$/m);
      expect(stdout).toMatch(/^test: lo$/m);
    },
  );

  it('are tested in a stage named test, also beside the delivered one, and the log says where', async () => {
    const Dockerfile = `FROM ${base()} AS base\nFROM base AS test\nRUN echo here > /tools\nFROM base\nRUN echo delivered\n`;
    const apart = await build({ Dockerfile }, '--test "cat /tools"');
    expect(apart.code).toBe(0);
    expect(apart.stdout).toContain(
      "\nin the stage 'test' of the Dockerfile, which is not made from what is delivered\n$ cat /tools\nhere\n",
    );
    expect((await build({}, '--test true')).stdout).toContain('\nin the new image\n$ true\n');
  });

  it('hear of a publish command that fails what failed, and of no second try', async () => {
    const keys = `accessKeyId: ${lab('LAB_S3_ACCESS_KEY')}, secretAccessKey: ${lab('LAB_S3_SECRET_KEY')}`;
    const file = `a: { publish: [{ to: s3, copy: /x, bucket: ${lab('LAB_S3_BUCKET')}, command: echo because; exit 3 }] }\n`;
    const s3 = `s3: { ${keys}, endpoint: "${lab('LAB_S3_ENDPOINT')}" }\n`;
    const { code, stdout } = await build({ 'build.yml': file }, '--output result', s3);
    const { failure } = resultSchema.parse(JSON.parse(stdout));
    expect(code).toBe(4);
    expect(failure).toMatchObject({ step: 'publish', code: 'PUBLISH_FAILED', commandExitCode: 3 });
    expect(failure!.log).toContain('because');
    expect(failure!.message).toBe(
      "the publish command 'echo because; exit 3' exited with 3; correct the command, see the log above; nothing was pushed",
    );
  });

  it('get the usage of the script that function61/buildbot had, and its exit code', async () => {
    const { code, stdout, stderr } = await runner.ssh('/app/buildbot.sh');
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/--repo URL/);
    expect((await runner.ssh('help build')).stdout).toBe(stdout);
  });
});
