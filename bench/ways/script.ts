import { quote } from '../command.js';
import { baseImage } from '../fixtures/images.js';
import type { World } from '../world.js';
import type { Job } from './way.js';

/** `--build-arg` and its likes: the same for all ways. */
export function buildFlags(world: World, { fixture }: Job): string[] {
  const { dockerfile } = fixture;
  const images = Object.entries(fixture.images).flatMap(([arg, name]) => [
    '--build-arg',
    `${arg}=${baseImage(world, name)}`,
  ]);
  return [...(dockerfile ? ['--file', dockerfile] : []), ...images];
}

/** What a shell runs in a checked-out tree, or for a context of docker's: build and push. */
export function buildScript(world: World, job: Job, context = '.'): string {
  const { fixture, reference } = job;
  const build = ['docker', 'build', ...buildFlags(world, job), '--tag', reference, context];
  const { builder } = fixture;
  const run = builder && [
    ...['docker', 'run', '--rm', '--workdir', '/project'],
    ...[baseImage(world, builder.image), 'sh', '-c', builder.command],
  ];
  const commands = [...(run ? [inTree(run)] : []), line(build), line(['docker', 'push', reference])];
  return commands.join(' && ');
}

const line = (words: readonly string[]) => words.map(quote).join(' ');

const inTree = ([docker, verb, ...words]: string[]) =>
  `${docker} ${verb} --volume "$PWD:/project" ${line(words)}`;

/** The last digest in docker's output: `docker push` ends with it. */
export function pushedDigest(output: string): string {
  const digest = [...output.matchAll(/digest: (sha256:[0-9a-f]{64})/g)].at(-1)?.[1];
  if (!digest) throw new Error(`docker push named no digest:\n${output.slice(-2000)}`);
  return digest;
}
