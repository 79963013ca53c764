import { once } from 'node:events';
import { basename } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-fs';
import { lab } from '../lab/environment.js';
import { saidByRun } from '../scenarios/engine.js';
import { credentials, type Repository } from '../scenarios/repository.js';
import { outputOf, type Runner, type SshOptions } from '../scenarios/runner.js';

export type World = {
  runner: Runner;
  repository: Repository;
  image: string;
  /** The first revision. */
  first: string;
  context: Uint8Array;
  /** Over a connection that is open already, but for each fourth build. */
  connection: (number: number) => SshOptions;
  /** Counts an image that the registry does not have yet. */
  onNewImage: () => void;
};

/** Does what a caller would, and gives the exit code. */
type Kind = { name: string; exit: number; build: (world: World, number: number) => Promise<number> };

const BASE =
  'ARG WHAT=nothing\nRUN if [ $WHAT = fail ]; then exit 3; fi; if [ $WHAT = hang ]; then echo hanging; sleep 1000; fi\n';

/** What the repository holds at first. */
export const files = () => ({
  Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\n${BASE}COPY . /app\n`,
  '.dockerignore': '.git\n',
  number: '0\n',
  'source/one': 'one\n'.repeat(1000),
});

async function build(
  { runner, repository, connection }: World,
  number: number,
  flags: string,
): Promise<number> {
  const command = `build --repo ${repository.url} --credentials - ${flags}`;
  return (await runner.ssh(command, { ...connection(number), input: credentials() })).code;
}

/** Opens a build whose RUN hangs, and waits until it does. */
async function hanging({ runner, repository, connection }: World, number: number, flags = '') {
  const command = `build --repo ${repository.url} --no-push --no-cache --build-arg WHAT=hang --credentials - ${flags}`;
  const child = runner.open(command, { ...connection(number), input: credentials() });
  let text = '';
  const hangs = new Promise<void>((resolve) => {
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      if (saidByRun('hanging').test(text)) resolve();
    });
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  child.stderr.resume();
  await Promise.race([hangs, ended]);
  return { child, ended };
}

/** Each kind of build, in turn. */
export const kinds: readonly Kind[] = [
  {
    name: 'the same revision',
    exit: 0,
    build: (world, n) => build(world, n, `--revision ${world.first} --image ${world.image} --tag same`),
  },
  {
    name: 'a new commit, two tags',
    exit: 0,
    async build(world, number) {
      const revision = await newCommit(world, number);
      world.onNewImage();
      return build(world, number, `--revision ${revision} --image ${world.image} --tag next --tag latest`);
    },
  },
  {
    name: 'a RUN that fails',
    exit: 1,
    build: (world, n) => build(world, n, '--no-push --build-arg WHAT=fail'),
  },
  {
    name: 'a client that is killed',
    exit: 0,
    async build(world, number) {
      const { child, ended } = await hanging(world, number);
      child.kill('SIGKILL');
      await ended;
      return 0;
    },
  },
  {
    name: 'a builder with a cache, and a test',
    exit: 0,
    build: (world, n) =>
      build(
        world,
        n,
        `--no-push --revision ${world.first} --builder-image ${lab('LAB_BASE_IMAGE')} --builder-cache /cache --extract /project ` +
          `--builder-command 'date > /cache/last; cp Dockerfile made' --test 'test -e /app/made'`,
      ),
  },
  {
    name: 'five tags',
    exit: 0,
    build: (world, n) =>
      build(
        world,
        n,
        `--revision ${world.first} --image ${world.image} ${[1, 2, 3, 4, 5].map((tag) => `-t t${tag}`).join(' ')}`,
      ),
  },
  {
    name: 'a context on stdin',
    exit: 0,
    async build({ runner, image, context, connection }, number) {
      const command = `build --context - --image ${image} --tag context`;
      return (await runner.ssh(command, { ...connection(number), input: context })).code;
    },
  },
  {
    name: 'detached, and come back to',
    exit: 130,
    async build(world, number) {
      const id = `detached-${number}`;
      const { child, ended } = await hanging(world, number, `--on-disconnect detach --id ${id}`);
      child.kill('SIGKILL');
      await ended;
      const follower = outputOf(
        world.runner.open(`attach ${id}`, { ...world.connection(number), input: '' }),
      );
      await world.runner.ssh(`cancel ${id}`, world.connection(number));
      return (await follower).code;
    },
  },
  { name: 'a wrong flag', exit: 2, build: (world, n) => build(world, n, '--no-such-flag') },
  {
    name: 'a revision that is not there',
    exit: 3,
    build: (world, n) => build(world, n, `--no-push --revision ${'0'.repeat(39)}1`),
  },
  {
    name: 'a RUN out of time',
    exit: 124,
    build: (world, n) => build(world, n, '--no-push --no-cache --build-arg WHAT=hang --timeout 2s'),
  },
];

let committing: Promise<unknown> = Promise.resolve();

// One after another: there is one work tree.
async function newCommit({ repository }: World, number: number): Promise<string> {
  const commit = committing.then(() => repository.commit({ number: `${number}\n` }, `Change ${number}`));
  committing = commit.catch(() => undefined);
  return commit;
}

/** A directory as a tar. */
export function contextOf(directory: string): Promise<Uint8Array> {
  return buffer(pack(directory, { ignore: (name) => basename(name) === '.git' }));
}
