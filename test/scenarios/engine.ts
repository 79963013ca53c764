import Docker from 'dockerode';

export const docker = new Docker();

/** What one build may leave nothing of: containers, and images under a build's private name. */
export async function leftovers(): Promise<string[]> {
  const containers = await docker.listContainers({ all: true });
  const images = await docker.listImages({ filters: { reference: ['buildbot-build'] } });
  return [...containers.map(({ Id }) => Id), ...images.flatMap(({ RepoTags }) => RepoTags ?? [])];
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
