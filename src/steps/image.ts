import type { Credentials } from '../model/credentials.js';
import type { Tree } from '../model/tree.js';
import type { NamedText } from '../plan/facts.js';
import type { StepOf } from '../plan/step.js';
import { runAgent } from '../plan/run-agent.js';
import { secretValues } from '../plan/secret-values.js';
import type { BuiltImage, Engine, StepIO } from '../ports.js';

export type ImageTools = {
  engine: Engine;
  credentials: Credentials;
  /** What the Dockerfile sees. */
  context: Tree;
  dockerfile: NamedText;
  /** Names the place whose tree the context is. */
  sharedKey: string;
  /** The engine's name for the image until the build ends. */
  tag: string;
};

/** Builds the image of a project. */
export function buildImage(step: StepOf<'image'>, tools: ImageTools, io: StepIO): Promise<BuiltImage> {
  const { engine, credentials, dockerfile, tag } = tools;
  const context = {
    tree: tools.context,
    dockerfile: dockerfile.text,
    dockerfileName: dockerfile.name,
    sharedKey: tools.sharedKey,
  };
  const secrets = secretValues(step.secrets, credentials);
  const { options } = step;
  const agent = runAgent(options, credentials);
  const { registries, owner } = credentials;
  return engine.build({ tag, context, options, registries, owner, secrets, ...agent }, io);
}
