import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema, type BuildResult } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { docker, engineCan, leftovers, outputOfImage } from './engine.js';
import { servedDigest } from './registry.js';
import { createRepository, credentials } from './repository.js';
import { startRunner, type Output, type Runner } from './runner.js';

const base = () => lab('LAB_BASE_IMAGE');
const resultOf = ({ stdout }: Output): BuildResult => resultSchema.parse(JSON.parse(stdout));

function s3Document(): string {
  const keys = `accessKeyId: ${lab('LAB_S3_ACCESS_KEY')}, secretAccessKey: ${lab('LAB_S3_SECRET_KEY')}`;
  return `s3: { ${keys}, endpoint: "${lab('LAB_S3_ENDPOINT')}" }\n`;
}

function store(): S3Client {
  const login = { accessKeyId: lab('LAB_S3_ACCESS_KEY'), secretAccessKey: lab('LAB_S3_SECRET_KEY') };
  return new S3Client({
    endpoint: lab('LAB_S3_ENDPOINT'),
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: login,
  });
}

async function keysBelow(prefix: string): Promise<string[]> {
  const { Contents = [] } = await store().send(
    new ListObjectsV2Command({ Bucket: lab('LAB_S3_BUCKET'), Prefix: prefix }),
  );
  return Contents.map(({ Key }) => Key!).toSorted();
}

/** Runs a command in an image of the plain registry, which the engine does not have yet. */
async function runPulled(reference: string, command: string[]): Promise<string> {
  const stream = await docker.pull(reference);
  await new Promise((resolve) => docker.modem.followProgress(stream, resolve));
  try {
    return await outputOfImage(reference, command);
  } finally {
    await docker.getImage(reference).remove();
  }
}

describe('repositories of the systems that buildbot replaces, as they are', () => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner();
  });
  afterAll(() => runner[Symbol.asyncDispose]());

  it('function61/buildbot: build.sh in a builder container, VERSION, a test in the container, its command line', async () => {
    await using repository = await createRepository({
      // Not executable: "editing files on Windows with Mercurial will not allow to set the execute bit".
      'build.sh': `#!/bin/sh -eu\n#build_inside_docker_image=${base()}\nmkdir -p public\necho "<h1>site $(cat VERSION)</h1>" > public/index.html\nhead -c 20000000 /dev/urandom > toolchain\necho built by $(pwd)\n`,
      Dockerfile: `FROM ${base()}\n#test_in_container_entrypoint=/app/test.sh\nCOPY public /app/public\nCOPY test.sh VERSION /app/\nCMD cat /app/public/index.html\n`,
      'test.sh': { text: '#!/bin/sh\ngrep -q site /app/public/index.html && echo tested\n', mode: 0o755 },
      VERSION: 'latest',
    });
    const image = `${lab('LAB_AUTH_REGISTRY')}/t/${randomUUID()}`;
    const key = (await readFile(lab('LAB_GIT_KEY'))).toString('base64');
    const login = `docker login -u ${lab('LAB_AUTH_USERNAME')} -p ${lab('LAB_AUTH_PASSWORD')} ${lab('LAB_AUTH_REGISTRY')}`;
    const revision = await repository.git('rev-parse', 'HEAD');
    const words = `buildbot.sh --service_id hello-world --repo ${repository.url} --repo_auth_key ${key} --revision ${revision} --accept-new-host-key`;
    const output = await runner.ssh(
      `${words} --image ${image} --tag v7 --docker_login_cmd "${login}" --docker_login_cache eW91ciBtb20=`,
    );
    expect(output.stderr.split('\n').filter((line) => !line.startsWith('warning: '))).toEqual(['']);
    expect(output.code).toBe(0);
    expect(output.stdout).toContain('built by /project\n');
    expect(output.stdout).toContain('\ntested\n');
    const meta = JSON.parse(
      output.stdout.trimEnd().split('\n').at(-1)!.replace('__build_result_meta ', ''),
    ) as Record<string, unknown>;
    expect(meta).toMatchObject({ image_from: base(), images: [{ project: 'hello-world' }] });
    // Nothing of the builder's 20 MB is in it.
    const { size } = (meta.images as { size: number }[])[0]!;
    const { Size: baseSize } = await docker.getImage(base()).inspect();
    expect(size - baseSize).toBeLessThan(engineCan.measureFiles ? 1000 : 20_000);
    expect(await servedDigest(`${image}:v7`, true)).toMatch(/^sha256:/);
    expect(output.stdout + output.stderr).not.toContain(lab('LAB_AUTH_PASSWORD'));
  });

  it("namshi/roger: build.yml with two projects, rev.txt, tests, S3, a builder's Dockerfile", async () => {
    const prefix = `t/${randomUUID()}`;
    const name = randomUUID();
    await using repository = await createRepository({
      'build.yml': `
redis:
  dockerfilePath: some/subdir
  registry: ${lab('LAB_REGISTRY')}
  image: t/${name}
  tags: ['{branch}', '{sha}']
  revfile: somedir
  after-build: [ls -la /src, [cat, /src/somedir/rev.txt]]
  publish: [{ to: s3, copy: /src/public/, bucket: ${lab('LAB_S3_BUCKET')}, bucketPath: ${prefix}, command: "echo made > /src/public/made.txt" }]
redis-server:
  build: { dockerfile: Dockerfile.build, extract: /out }
  registry: ${lab('LAB_REGISTRY')}
  image: t/${name}-server
  args: { GREETING: hello }
`,
      'some/subdir/Dockerfile': `FROM ${base()}\nCOPY . /src\n`,
      'some/subdir/public/a file.txt': 'one\n',
      'some/subdir/public/deep/b.css': 'two\n',
      Dockerfile: `FROM ${base()}\nARG GREETING\nCOPY . /slim\nRUN echo $GREETING > /greeting\n`,
      'Dockerfile.build': `FROM ${base()}\nRUN mkdir /out /big && echo artefact > /out/artefact && head -c 5000000 /dev/zero > /big/file\n`,
    });
    const output = await runner.ssh(
      `build --repo ${repository.url} --revision main --output result --credentials -`,
      { input: credentials(s3Document()) },
    );
    const result = resultOf(output);
    expect(result.failure).toBeUndefined();
    expect(result).toMatchObject({ status: 'succeeded', published: [{ to: 's3', files: 3 }] });
    expect(result.images.map(({ project }) => project).toSorted()).toEqual(['redis', 'redis-server']);
    expect(output.stderr).toMatch(/redis \| Version: main\n/);
    expect(await keysBelow(prefix)).toEqual([
      `${prefix}/a file.txt`,
      `${prefix}/deep/b.css`,
      `${prefix}/made.txt`,
    ]);
    const css = await store().send(
      new GetObjectCommand({ Bucket: lab('LAB_S3_BUCKET'), Key: `${prefix}/deep/b.css` }),
    );
    expect([css.ContentType, await css.Body!.transformToString()]).toEqual(['text/css', 'two\n']);
    const head = await repository.git('rev-parse', 'HEAD');
    for (const tag of ['main', head])
      expect(await servedDigest(`${lab('LAB_REGISTRY')}/t/${name}:${tag}`)).toMatch(/^sha256:/);
    const server = `${lab('LAB_REGISTRY')}/t/${name}-server:${head}`;
    expect(await runPulled(server, ['sh', '-c', 'cat /slim/artefact /greeting; ls / | grep -c big'])).toBe(
      'artefact\nhello\n0\n',
    );
    expect(await leftovers(runner)).toEqual([]);
  });

  it('of two projects the second fails its test: exit 1, and neither registry nor S3 has anything', async () => {
    const [name, prefix] = [randomUUID(), `t/${randomUUID()}`];
    await using repository = await createRepository({
      'build.yml': `
one: { registry: ${lab('LAB_REGISTRY')}, image: t/${name}, tags: [x], publish: [{ to: s3, copy: /etc/passwd, bucket: ${lab('LAB_S3_BUCKET')}, bucketPath: ${prefix} }] }
two: { registry: ${lab('LAB_REGISTRY')}, image: t/${name}-2, tags: [x], after-build: ['true', 'echo no >&2; exit 5'] }
`,
      Dockerfile: `FROM ${base()}\n`,
    });
    const output = await runner.ssh(`build --repo ${repository.url} --output result --credentials -`, {
      input: credentials(s3Document()),
    });
    expect(output.code).toBe(1);
    expect(resultOf(output)).toMatchObject({
      failure: {
        step: 'test',
        project: 'two',
        commandExitCode: 5,
        log: expect.arrayContaining(['no']) as string[],
      },
    });
    expect(await servedDigest(`${lab('LAB_REGISTRY')}/t/${name}:x`)).toBeUndefined();
    expect(await keysBelow(prefix)).toEqual([]);
  });

  it('totem/docker-image-factory: a signed posthook before and after', async () => {
    const received: { body: string; signature: string }[] = [];
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        received.push({ body, signature: String(request.headers['x-hook-signature']) });
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    await using repository = await createRepository({
      'build.yml': 'app: { notify: [webhook, slack] }\n',
      Dockerfile: `FROM ${base()}\n`,
    });
    const document = credentials(`notify: { webhook: { url: "${url}", secret: hook-secret-1 } }\n`);
    const output = await runner.ssh(
      `build --repo ${repository.url} --image ${lab('LAB_REGISTRY')}/t/${randomUUID()} -t x --credentials -`,
      { input: document },
    );
    server.close();
    expect(output.code).toBe(0);
    expect(output.stderr).toMatch(/warning: .*notify\.slack/);
    expect(received.map(({ body }) => (JSON.parse(body) as { state: string }).state)).toEqual([
      'pending',
      'success',
    ]);
    for (const { body, signature } of received)
      expect(signature).toBe(createHmac('sha1', 'hook-secret-1').update(body).digest('hex'));
  });

  it('fruty_docker-ci: an image for every Dockerfile_NAME', async () => {
    await using repository = await createRepository({
      Dockerfile: `FROM ${base()}\nRUN echo main > /kind\n`,
      Dockerfile_Worker: `FROM ${base()}\nRUN echo worker > /kind\n`,
      Dockerfile_api: `FROM ${base()}\nRUN echo api > /kind\n`,
    });
    const image = `${lab('LAB_REGISTRY')}/t/${randomUUID()}`;
    const output = await runner.ssh(
      `build --repo ${repository.url} --image ${image} -t x --output result --credentials -`,
      { input: credentials() },
    );
    expect(
      resultOf(output)
        .images.map(({ name }) => name)
        .toSorted(),
    ).toEqual([image, `${image}_api`, `${image}_worker`]);
    expect(await runPulled(`${image}_worker:x`, ['cat', '/kind'])).toBe('worker\n');
  });

  it('plan: what would be built, as text and as JSON, and nothing is', async () => {
    await using repository = await createRepository({
      'build.yml': 'a: { after-build: [npm test] }\nb: {}\n',
      Dockerfile: `FROM ${base()}\n`,
    });
    const command = `plan --repo ${repository.url} --credentials -`;
    const asText = await runner.ssh(command, { input: credentials() });
    expect([asText.code, asText.stdout.split('\n').length]).toEqual([0, 6]);
    expect(asText.stdout).toMatch(/^a: image +a: Dockerfile from .*\na: test +npm test\na: push/);
    const asJson = JSON.parse(
      (await runner.ssh(`${command} --output json`, { input: credentials() })).stdout,
    ) as { projects: object[] };
    expect(asJson.projects).toMatchObject([
      {
        project: 'a',
        steps: [{ step: 'image' }, { step: 'test', commands: ['npm test'] }, { step: 'push' }],
      },
      { project: 'b' },
    ]);
    const broken = await runner.ssh(`${command} --project nope --output json`, { input: credentials() });
    expect([broken.code, (JSON.parse(broken.stdout) as { exitCode: number }).exitCode]).toEqual([2, 2]);
  });

  it.runIf(engineCan.mountSecrets)('a secret in builder, Dockerfile and test leaves no trace', async () => {
    const secret = `trace-${randomUUID()}`;
    await using repository = await createRepository({
      'build.yml': `
app:
  build: { image: ${base()}, command: 'cat /run/secrets/TOKEN; test -s /run/secrets/TOKEN && echo ok > made', extract: /project }
  secrets: [TOKEN]
  after-build: ['cat /run/secrets/TOKEN; echo; env']
`,
      Dockerfile: `FROM ${base()}\nCOPY made /made\nRUN --mount=type=secret,id=TOKEN cat /run/secrets/TOKEN; : ${secret.slice(6, 12)}\n`,
    });
    const name = `buildbot-scenario/${randomUUID()}`;
    const output = await runner.ssh(
      `build --repo ${repository.url} --image ${name} -t x --no-push --output json --credentials -`,
      {
        input: credentials(`secrets: { TOKEN: "${secret}" }\n`),
      },
    );
    expect(output.code).toBe(0);
    expect(output.stdout + output.stderr).not.toContain(secret);
    expect(output.stdout.match(/\*\*\*/g)!.length).toBeGreaterThanOrEqual(3);
    const image = docker.getImage(`${name}:x`);
    expect(JSON.stringify([await image.inspect(), await image.history()])).not.toContain(secret);
    const archive = (await text(await image.get())).includes(secret);
    await image.remove();
    expect([archive, await leftovers(runner)]).toEqual([false, []]);
  });
});
