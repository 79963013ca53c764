import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';

export const docker = new Docker();

const isPodman = process.env.LAB_ENGINE === 'podman';

/**
 * What the engine under test can do; all that the scenarios make a difference for. docs/podman.md has the same names in its list of
 * these differences. Docker can do everything, and what is asserted there holds without exception.
 */
export const engineCan = {
  /** Mount a secret in a RUN. Podman refuses it: test/integration/podman/refusals.test.ts. */
  mountSecrets: !isPodman,
  /** Lend an agent to a RUN. Podman has no sessions: `--ssh` is refused, test/scenarios/agent-run.test.ts. */
  mountAgents: !isPodman,
  /** Build without a network. Podman's API has no such option: `--network none` is refused there. */
  isolateBuilds: !isPodman,
  /** Keep a name without a registry as it is. Podman puts `docker.io/` before it. */
  keepBareNames: !isPodman,
  /** Give as the size of an image the size of its files. Podman's is that of the layers' tars, and of what it knows of the image. */
  measureFiles: !isPodman,
  /** Apply labels in the same order each time. Podman makes a step of each, in any order: other ids over the same layers. */
  orderLabels: !isPodman,
  /** Clip a log, as BuildKit's daemon does. Podman gives all of it. */
  clipLogs: !isPodman,
};

/** A name without a registry, as the engine lists it. */
export const listedName = (name: string) => (engineCan.keepBareNames ? name : `docker.io/${name}`);

/** A line of a RUN's output, which BuildKit numbers and times: `#7 0.314 TEXT`. */
export const saidByRun = (text: string) => new RegExp(`^(?:#\\d+ [\\d.]+ )?${text}\\r?$`, 'm');

/** What the builds of a runner may leave nothing of: containers, pods, and images under its private names. */
export async function leftovers({ data }: { data: string }): Promise<string[]> {
  return namedAfter(await readdir(join(data, 'runners')));
}

/** Containers, pods and private image names of the runners of these names. */
export async function namedAfter(runners: readonly string[]): Promise<string[]> {
  const containers = await docker.listContainers({ all: true, filters: { label: ['buildbot.runner'] } });
  const images = await docker.listImages({ filters: { reference: ['buildbot-build'] } });
  const isOurs = (name: string) => runners.some((runner) => name.includes(`:${runner}-`));
  return [
    ...containers.filter(({ Labels }) => runners.includes(Labels['buildbot.runner']!)).map(({ Id }) => Id),
    ...(await podNames()).filter((name) => runners.some((runner) => name.includes(`-${runner}-`))),
    ...images.flatMap(({ RepoTags }) => RepoTags ?? []).filter(isOurs),
  ];
}

/** The pods of Podman's own API; Docker has none. */
export async function podNames(): Promise<string[]> {
  if (!isPodman) return [];
  const list = await new Promise<{ Name: string }[] | null>((resolve, reject) =>
    docker.modem.dial(
      { path: '/v4.0.0/libpod/pods/json', method: 'GET', statusCodes: { 200: true } },
      (error, answer) => (error ? reject(error) : resolve(answer as { Name: string }[] | null)),
    ),
  );
  return (list ?? []).map(({ Name }) => Name);
}

/**
 * Starts a command in the container that a build runs. Listed in any state: on a busy disk the engine lists one as running only a while
 * after what runs in it has spoken, whereas a question about that one waits until the engine knows.
 */
export async function executeIn(build: string, command: string[]): Promise<void> {
  const filters = { label: [`buildbot.build=${build}`] };
  const [container] = await docker.listContainers({ all: true, filters });
  const exec = await docker.getContainer(container!.Id).exec({ Cmd: command });
  await exec.start({ Detach: true });
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
