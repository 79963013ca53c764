import type { Credentials } from '../model/credentials.js';
import { checkExit } from '../plan/check-exit.js';
import { describeCommand } from '../plan/describe.js';
import type { StepOf } from '../plan/step.js';
import { secretValues } from '../plan/secret-values.js';
import type { Containers, StepIO } from '../ports.js';

export type TestTools = {
  containers: Containers;
  build: string;
  /** The engine's name of the image that is tested. */
  image: string;
  credentials: Credentials;
};

/** Runs each command in a fresh container of the new image, in order. The first one that fails ends it. */
export async function testImage(step: StepOf<'test'>, tools: TestTools, io: StepIO): Promise<void> {
  const { containers, build, image, credentials } = tools;
  const secrets = secretValues(step.secrets, credentials);
  for (const command of step.commands) {
    await io.emit({ type: 'log', stream: 'stdout', text: `$ ${describeCommand(command)}\n` });
    const spec = {
      build,
      image,
      command,
      environment: new Map<string, string>(),
      secrets,
      caches: new Map<string, string>(),
    };
    await using container = await containers.create(spec, { registries: credentials.registries, ...io });
    checkExit('TEST_FAILED', `the test '${describeCommand(command)}'`, await container.run(io));
  }
}
