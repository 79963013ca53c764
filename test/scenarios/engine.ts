import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';

export const docker = new Docker();

/** What the builds of a runner may leave nothing of: containers, and images under its private names. */
export async function leftovers({ data }: { data: string }): Promise<string[]> {
  return namedAfter(await readdir(join(data, 'runners')));
}

/** Containers and private image names of the runners of these names. */
export async function namedAfter(runners: readonly string[]): Promise<string[]> {
  const containers = await docker.listContainers({ all: true, filters: { label: ['buildbot.runner'] } });
  const images = await docker.listImages({ filters: { reference: ['buildbot-build'] } });
  const isOurs = (name: string) => runners.some((runner) => name.includes(`:${runner}-`));
  return [
    ...containers.filter(({ Labels }) => runners.includes(Labels['buildbot.runner']!)).map(({ Id }) => Id),
    ...images.flatMap(({ RepoTags }) => RepoTags ?? []).filter(isOurs),
  ];
}

/** Runs a command in an image and gives its output. */
export async function outputOfImage(image: string, command: string[]): Promise<string> {
  const container = await docker.createContainer({ Image: image, Cmd: command, Tty: true });
  try {
    await container.start();
    await container.wait();
    return (await container.logs({ stdout: true, stderr: true })).toString().replaceAll('\r\n', '\n');
  } finally {
    await container.remove({ force: true });
  }
}
