import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuildResult, resultSchema } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { docker, engineCan, leftovers, outputOfImage, saidByRun } from './engine.js';
import { servedDigest } from './registry.js';
import { newKey } from './keys.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { startRunner, type Output, type Runner } from './runner.js';

const from = () => `FROM ${lab('LAB_BASE_IMAGE')}\n`;
const resultOf = ({ stdout }: Output): BuildResult => resultSchema.parse(JSON.parse(stdout));

let runner: Runner;
const made: string[] = [];
beforeAll(async () => {
  runner = await startRunner();
});
afterAll(async () => {
  await Promise.all(made.map((name) => docker.getImage(name).remove()));
  await runner[Symbol.asyncDispose]();
});

/** Builds files of a new repository. */
async function build(files: Record<string, string>, flags: string): Promise<Output> {
  await using repository = await createRepository(files);
  return await runner.ssh(`build --repo ${repository.url} --output result --credentials - ${flags}`, {
    input: credentials(),
  });
}

/** Builds them into an image that stays in the engine, and gives its name. */
async function keep(files: Record<string, string>, warning = ''): Promise<string> {
  const name = `buildbot-scenario/${randomUUID()}:x`;
  const output = await build(files, `-t ${name} --no-push`);
  expect(output.code, output.stderr).toBe(0);
  expect(output.stderr).toContain(warning);
  made.push(name);
  return name;
}

const read = (image: string, ...command: string[]) => outputOfImage(image, command);

describe('what is delivered', () => {
  it('is the image of each Dockerfile_NAME, also of one that is called as the image is', async () => {
    const repository = `${lab('LAB_REGISTRY')}/asked/app`;
    const files = {
      Dockerfile: `${from()}RUN : ${randomUUID()}\n`,
      Dockerfile_app: `${from()}RUN sleep 0\n`,
    };
    const { images } = resultOf(await build(files, `--image ${repository} -t ${randomUUID()}`));
    expect(images.map(({ name }) => name)).toEqual([repository, `${repository}_app`]);
    const served = await Promise.all(images.map(({ refs }) => servedDigest(refs[0]!.ref)));
    expect(served).toEqual(images.map(({ digest }) => digest));
    expect(new Set(served).size).toBe(2);
  });

  it('of several Dockerfiles is what --project chooses, and what is not there is exit 2', async () => {
    const files = { Dockerfile: from(), Dockerfile_worker: from() };
    const name = `buildbot-scenario/${randomUUID()}`;
    const chosen = resultOf(await build(files, `--image ${name} -t 1 --no-push --project worker`));
    made.push(`${name}_worker:1`);
    expect(chosen.images.map((image) => image.name)).toEqual([`${name}_worker`]);
    const wrong = await build(files, `--image ${name} -t 1 --no-push --project worke`);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("--project 'worke' does not exist, did you mean 'worker'?");
  });

  it('is the main Dockerfile alone, named as function61/buildbot was told', async () => {
    const files = { Dockerfile: from(), Dockerfile_dev: 'FROM never.example/none:1\n' };
    const name = `buildbot-scenario/${randomUUID()}`;
    const { images } = resultOf(await build(files, `--service_id hello --image ${name} -t 1 --no-push`));
    made.push(`${name}:1`);
    expect(images.map(({ project, name: image }) => [project, image])).toEqual([['hello', name]]);
  });

  it('stays in the engine under the name of its project, where the caller gives a tag alone', async () => {
    await using repository = await createRepository({ Dockerfile: from() });
    const flags = `--repo ${repository.url} -t v --output result --credentials -`;
    const { images } = resultOf(await runner.ssh(`build ${flags} --no-push`, { input: credentials() }));
    made.push(images[0]!.refs[0]!.ref);
    expect(images[0]!.refs[0]!.ref).toMatch(/:v$/);
    const pushed = await runner.ssh(`build ${flags.replace('-t v ', '')}`, { input: credentials() });
    expect(resultOf(pushed)).toMatchObject({ exitCode: 2, steps: [{}, {}, {}] });
    expect(pushed.stderr).toContain('--image is missing');
  });

  it('is built where build.yml has settings and no project', async () => {
    const yml = 'settings: { matching: { branches: [main] } }\n';
    await keep({ Dockerfile: from(), 'build.yml': yml });
  });

  it('keeps a directory VERSION of the source, and says so', async () => {
    const files = { Dockerfile: `${from()}COPY . /x\n`, 'VERSION/major': '7' };
    const name = await keep(files, 'warning: VERSION is a directory of the source');
    expect(await read(name, 'cat', '/x/VERSION/major')).toBe('7');
  });
});

describe('a builder', () => {
  it('may write the Dockerfile anew', async () => {
    const files = {
      Dockerfile: 'FROM never.example/none:1\n',
      'build.sh': `#build_inside_docker_image=${lab('LAB_BASE_IMAGE')}\ncp Dockerfile.made Dockerfile\n`,
      'Dockerfile.made': `${from()}LABEL org.opencontainers.image.title=mine\n`,
    };
    const name = await keep(files);
    const { Config } = await docker.getImage(name).inspect();
    expect(Config.Labels).toMatchObject({ 'org.opencontainers.image.title': 'mine' });
  });

  it('may make the Dockerfile, and says where it does not', async () => {
    const makes = (name: string) =>
      `#build_inside_docker_image=${lab('LAB_BASE_IMAGE')}\nprintf '${from().trim()}\\nLABEL made=1\\n' > ${name}\n`;
    const name = await keep({ 'build.sh': makes('Dockerfile') });
    const { Config } = await docker.getImage(name).inspect();
    expect(Config.Labels).toMatchObject({ made: '1' });
    const other = await build({ 'build.sh': makes('dockerfile') }, '-t a.example/x:1 --no-push');
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("there is no 'Dockerfile' in the source, and the builder left none");
  });

  it('built from a Dockerfile does not get what .dockerignore names', async () => {
    const files = {
      Dockerfile: `${from()}COPY . /x\n`,
      'Dockerfile.build': `${from()}COPY . /src\nRUN ls -A /src > /list\n`,
      '.dockerignore': 'secret.txt\n',
      'secret.txt': 'x',
      'build.yml': 'a: { build: { dockerfile: Dockerfile.build, extract: /list } }\n',
    };
    const list = (await read(await keep(files), 'cat', '/x/list')).split('\n');
    expect(list).toContain('Dockerfile');
    expect(list).not.toContain('secret.txt');
  });

  it('of an image without such a user, or with a wrong name, is the fault of the repository', async () => {
    const nobody = await build(
      { Dockerfile: `${from()}USER ghost\n` },
      '-t a.example/x:1 --no-push --test true',
    );
    expect(resultOf(nobody)).toMatchObject({
      exitCode: 1,
      failure: { code: 'TEST_FAILED', commandExitCode: 126 },
    });
    expect(nobody.stderr).toContain('ghost');
    const named = await build(
      { Dockerfile: from(), 'build.sh': '#build_inside_docker_image="image"\n' },
      '-t a.example/x:1 --no-push',
    );
    expect(named.code).toBe(2);
    expect(named.stderr).toContain('build.sh: build_inside_docker_image');
    const loop = await build(
      { Dockerfile: from() },
      `-t a.example/x:1 --no-push --builder-image ${lab('LAB_BASE_IMAGE')} --builder-command 'ln -s b a; ln -s a b' --extract /project/a`,
    );
    expect(resultOf(loop)).toMatchObject({ exitCode: 2, failure: { code: 'EXTRACT_NOT_FOUND' } });
    expect(await leftovers(runner)).toEqual([]);
  });
});

describe('between two keys of one runner', () => {
  let keys: Awaited<ReturnType<typeof newKey>>[];
  let both: Runner;
  let repository: Repository;
  beforeAll(async () => {
    keys = await Promise.all(['one', 'another'].map(newKey));
    both = await startRunner({ BUILDBOT_AUTHORIZED_KEYS: keys.map(({ line }) => line).join('\n') });
    repository = await createRepository({ Dockerfile: from() });
  });
  afterAll(async () => {
    await both[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });
  const buildWith = (key: number, flags: string, credential = credentials()) =>
    both.ssh(`build --repo ${repository.url} -t a.example/x:1 --no-push --credentials - ${flags}`, {
      input: credential,
      key: keys[key]!.file,
    });

  it('what a builder keeps is for the builds of its key', async () => {
    const flags = `--builder-image ${lab('LAB_BASE_IMAGE')} --builder-cache /kept --builder-command 'echo "found: $(cat /kept/x)"; echo left > /kept/x'`;
    const found = async (key: number) => /found: .*/.exec((await buildWith(key, flags)).stdout)?.[0];
    expect([await found(0), await found(0), await found(1)]).toEqual(['found: ', 'found: left', 'found: ']);
  });

  it.runIf(engineCan.mountSecrets)('what was made of a secret cannot be asked for by its name', async () => {
    const Dockerfile = `${from()}RUN --mount=type=secret,id=TOKEN cat /etc/hosts; : ${randomUUID()}\n`;
    await repository.commit({ Dockerfile });
    const secret = credentials('secrets: { TOKEN: t }\n');
    const { stdout, stderr } = await buildWith(0, '--secret id=TOKEN', secret);
    const name = /\S+\.buildbot\.invalid/.exec(stdout)?.[0];
    expect(name, stderr).toBeDefined();
    const thief = await buildWith(1, `--add-host ${name}:127.0.0.1`);
    expect([thief.code, thief.stderr]).toEqual([2, expect.stringContaining('--add-host')]);
  });
});

describe.runIf(engineCan.mountSecrets)('a directory that RUNs keep (--mount=type=cache)', () => {
  const target = `/${randomUUID()}`;
  const run = (command: string) =>
    `${from()}RUN --mount=type=cache,target=${target} echo ${randomUUID()}; ${command}\n`;
  const leaves = { Dockerfile: run(`echo left > ${target}/f`) };
  const looks = () => ({ Dockerfile: run(`echo "found: $(cat ${target}/f)"`) });
  const seenBy = async (url: string, by = runner) => {
    const output = await by.ssh(`build --repo ${url} -t a.example/x:1 --no-push --credentials -`, {
      input: credentials(),
    });
    expect(output.code, output.stderr).toBe(0);
    await docker.getImage('a.example/x:1').remove();
    return output.stdout;
  };

  it("belongs to one caller's builds of one repository", async () => {
    await using mine = await createRepository(leaves);
    await seenBy(mine.url);
    await mine.commit(looks());
    expect(await seenBy(mine.url)).toMatch(saidByRun('found: left'));
    await using other = await createRepository(looks());
    expect(await seenBy(other.url)).toMatch(saidByRun('found: '));
    await using neighbour = await startRunner();
    await mine.commit(looks());
    expect(await seenBy(mine.url, neighbour)).toMatch(saidByRun('found: '));
  });
});
