import type { Credentials } from '../model/credentials.js';
import { checkExit } from '../plan/check-exit.js';
import { describeCommand, describeTested } from '../plan/describe.js';
import type { StepOf } from '../plan/step.js';
import { secretValues } from '../plan/secret-values.js';
import type { Containers, OnFailed, StepIO } from '../ports.js';

export type TestTools = {
  containers: Containers;
  build: string;
  /** The engine's name of the image that is tested. */
  image: string;
  credentials: Credentials;
  onFailed?: OnFailed | undefined;
};

/** Runs each command in a fresh container of the new image, in order. The first one that fails ends it. */
export async function testImage(step: StepOf<'test'>, tools: TestTools, io: StepIO): Promise<void> {
  const { containers, build, image, credentials } = tools;
  const secrets = secretValues(step.secrets, credentials);
  await io.emit({ type: 'log', stream: 'stdout', text: `in ${describeTested(step)}\n` });
  for (const command of step.commands) {
    await io.emit({ type: 'log', stream: 'stdout', text: `$ ${describeCommand(command)}\n` });
    const spec = {
      build,
      image,
      command,
      environment: new Map<string, string>(),
      secrets,
      caches: new Map<string, string>(),
      ...(step.network && { network: step.network }),
    };
    await using container = await containers.create(spec, { registries: credentials.registries, ...io });
    const exit = await container.run(io);
    if (exit.exitCode !== 0) await tools.onFailed?.(container, spec, io);
    checkExit('TEST_FAILED', `the test '${describeCommand(command)}'`, exit);
  }
}
