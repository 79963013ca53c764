import type { Credentials } from '../model/credentials.js';
import type { PublishSpec } from '../model/project.js';
import type { BuildResult } from '../model/result.js';
import { checkExit } from '../plan/check-exit.js';
import { describeCommand } from '../plan/describe.js';
import type { StepOf } from '../plan/step.js';
import { secretValues } from '../plan/secret-values.js';
import type { Artefacts, Containers, StepIO } from '../ports.js';

export type Published = BuildResult['published'][number];

export type PublishTools = {
  containers: Containers;
  artefacts: Artefacts;
  build: string;
  image: string;
  credentials: Credentials;
  /** Hears of each target that is up, also where a later one fails. */
  onPublished: (published: Published) => void;
};

/** Uploads what the new image holds, or what a command in it makes, straight from the engine to the store. */
export async function publishArtefacts(
  step: StepOf<'publish'>,
  tools: PublishTools,
  io: StepIO,
): Promise<void> {
  for (const target of step.targets) {
    const uploaded = await publishOne(target, step, { ...tools, io });
    tools.onPublished({ to: target.to, ...uploaded });
  }
}

const HINT = 'correct the command, see the log above; nothing was pushed';

async function publishOne(
  target: PublishSpec,
  step: StepOf<'publish'>,
  tools: PublishTools & { io: StepIO },
) {
  const { containers, artefacts, build, image, credentials, io } = tools;
  const { command, copy, bucket, bucketPath: prefix } = target;
  const secrets = command === undefined ? new Map<string, never>() : secretValues(step.secrets, credentials);
  const nothing = new Map<string, string>();
  const spec = {
    build,
    image,
    ...(command !== undefined && { command }),
    environment: nothing,
    secrets,
    caches: nothing,
    ...(step.network && { network: step.network }),
  };
  await using container = await containers.create(spec, { registries: credentials.registries, ...io });
  if (command !== undefined) {
    const exit = await container.run(io);
    checkExit('PUBLISH_FAILED', `the publish command '${describeCommand(command)}'`, { ...exit, hint: HINT });
  }
  return await artefacts.upload({ bucket, prefix }, container.read(copy, io.signal), {
    credential: credentials.s3!,
    ...io,
  });
}
