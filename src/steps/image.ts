import type { BuildRequest } from '../model/request.js';
import type { Secret } from '../model/secret.js';
import type { Facts } from '../plan/facts.js';
import type { Step } from '../plan/plan.js';
import { ignoreFiles } from '../plan/trees.js';
import type { BuiltImage, Engine, StepIO } from '../ports.js';

export type ImageStep = Extract<Step, { kind: 'image' }>;

/** Builds the image, known to the engine as `tag` until the build ends. */
export function buildImage(
  step: ImageStep,
  { engine, facts, request, tag }: { engine: Engine; facts: Facts; request: BuildRequest; tag: string },
  io: StepIO,
): Promise<BuiltImage> {
  const context = {
    tree: ignoreFiles(facts.context, facts.ignore),
    dockerfile: facts.dockerfile.text,
    dockerfileName: facts.dockerfile.name,
    sharedKey: `${request.source.url}#${request.image.contextPath ?? ''}`,
  };
  const { registries } = request.credentials;
  return engine.build({ tag, context, options: step.options, registries, secrets: mounted(request) }, io);
}

function mounted({ image, credentials }: BuildRequest): Map<string, Secret> {
  return new Map(image.secrets.map(({ id, name }) => [id, credentials.secrets.get(name)!]));
}
