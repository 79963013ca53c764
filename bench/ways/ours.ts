import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastBytes, time } from '../command.js';
import { baseImage } from '../fixtures/images.js';
import type { Runner } from '../runner.js';
import type { World } from '../world.js';
import { buildFlags } from './script.js';
import type { Job, Way } from './way.js';

/** `ssh buildbot build …` at a real runner. */
export const ours = (world: World, runner: Runner): Way => ({
  name: 'ours',
  prepare: () => Promise.resolve(),
  async build(job) {
    const output = join(world.directory, 'output');
    const seconds = await time('ssh', [...runner.login, buildCommand(world, job)], {
      environment: world.environment,
      input: await writeCredentials(world),
      output,
    });
    return { seconds, ...readResult(await lastBytes(output)), output };
  },
});

/** The words after `ssh buildbot`. */
export function buildCommand(world: World, job: Job): string {
  const { fixture, repository, revision, reference } = job;
  const at = reference.lastIndexOf(':');
  const { builder } = fixture;
  return [
    ...['build', '--repo', repository.url, '--revision', revision],
    ...['--image', reference.slice(0, at), '--tag', reference.slice(at + 1)],
    ...(builder ? ['--builder-image', baseImage(world, builder.image)] : []),
    ...(builder ? ['--builder-command', `'${builder.command}'`] : []),
    ...buildFlags(world, job),
    ...['--credentials', '-'],
  ].join(' ');
}

/** The document that the caller lends. */
export async function writeCredentials({ directory, git }: World): Promise<string> {
  const file = join(directory, 'credentials.yml');
  await writeFile(file, `git: { username: ${git.username}, token: ${git.token} }\n`);
  return file;
}

type Result = {
  status: string;
  images: { digest?: string; refs: { pushed: boolean }[] }[];
  steps: { name: string; seconds: number }[];
};

/** From the last line of a build's output. Throws unless the image was pushed. */
export function readResult(output: string): { digest: string; steps: Record<string, number> } {
  const meta = /^__build_result_meta (.*)$/m.exec(output)?.[1];
  if (!meta) throw new Error(`no result:\n${output.slice(-4000)}`);
  const { status, images, steps } = JSON.parse(meta) as Result;
  const [image] = images;
  if (status !== 'succeeded' || !image?.digest || !image.refs.every(({ pushed }) => pushed))
    throw new Error(`not pushed: ${meta}`);
  return {
    digest: image.digest,
    steps: Object.fromEntries(steps.map(({ name, seconds }) => [name, seconds])),
  };
}
