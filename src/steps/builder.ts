import type { BuilderSpec } from '../model/project.js';
import type { Tree } from '../model/tree.js';
import type { NamedText } from '../plan/facts.js';
import type { StepOf } from '../plan/step.js';
import { secretValues } from '../plan/secret-values.js';
import { checkExit } from '../plan/check-exit.js';
import type { CacheVolume, Caches, Containers, Engine, Spools, StepIO } from '../ports.js';
import type { Credentials } from '../model/credentials.js';

export type BuilderTools = {
  ports: { engine: Engine; containers: Containers; spools: Spools; caches: Caches };
  build: string;
  /** The engine's name for the builder image, where one is built. */
  tag: string;
  /** Names the repository, for caches that outlive the build. */
  repository: string;
  credentials: Credentials;
  /** What the builder sees: the project's directory, with the files that the build adds. */
  context: Tree;
  dockerfile: NamedText | undefined;
  /** Directory on disk for what the builder leaves. */
  scratch: string;
};

/** Runs the builder and gives what it left at its extract path: a tree on disk until it is disposed. Nothing else of it stays. */
export async function runBuilder(
  step: StepOf<'builder'>,
  tools: BuilderTools,
  io: StepIO,
): Promise<Tree & AsyncDisposable> {
  const { builder } = step;
  return builder.kind === 'image'
    ? runInContainer(step, builder, { ...tools, io })
    : buildAndExtract(step, builder, { ...tools, io });
}

type Tools = BuilderTools & { io: StepIO };

async function runInContainer(
  step: StepOf<'builder'>,
  builder: Extract<BuilderSpec, { kind: 'image' }>,
  tools: Tools,
): Promise<Tree & AsyncDisposable> {
  const { ports, io, credentials } = tools;
  const { image, command, extract } = builder;
  const volumes = new Map<string, CacheVolume>();
  try {
    for (const path of builder.cache) volumes.set(path, await ports.caches.acquire(tools.repository, path));
    const caches = new Map([...volumes].map(([path, { volume }]) => [volume, path]));
    const { environment } = step;
    const secrets = secretValues(step.secrets, credentials);
    const spec = {
      build: tools.build,
      image,
      command,
      workingDirectory: '/project',
      environment,
      secrets,
      caches,
    };
    await using container = await ports.containers.create(spec, {
      registries: credentials.registries,
      ...io,
    });
    await container.put(tools.context, '/project', io.signal);
    checkExit('BUILDER_FAILED', `the builder (${image})`, await container.run(io));
    return await ports.spools.spool(container.read(extract, io.signal), tools.scratch);
  } finally {
    for (const volume of volumes.values()) await volume[Symbol.asyncDispose]();
    // Not in the way of this build: measuring takes the engine a while, and where it fails the next build tries again.
    if (volumes.size > 0) void ports.caches.collect().catch(() => undefined);
  }
}

async function buildAndExtract(
  step: StepOf<'builder'>,
  builder: Extract<BuilderSpec, { kind: 'dockerfile' }>,
  tools: Tools,
): Promise<Tree & AsyncDisposable> {
  const { ports, io, credentials, tag, dockerfile } = tools;
  const context = {
    tree: tools.context,
    dockerfile: dockerfile!.text,
    dockerfileName: dockerfile!.name,
    sharedKey: `${tools.repository}#builder`,
  };
  const { registries } = credentials;
  await ports.engine.build(
    {
      tag,
      context,
      options: builderOptions(step),
      registries,
      secrets: secretValues(step.secrets, credentials),
    },
    io,
  );
  try {
    const none = new Map<string, never>();
    const spec = { build: tools.build, image: tag, environment: none, secrets: none, caches: none };
    await using container = await ports.containers.create(spec, { registries, ...io });
    return await ports.spools.spool(container.read(builder.extract, io.signal), tools.scratch);
  } finally {
    await ports.engine.untag(tag).catch((error: unknown) => {
      const message = `could not remove ${tag}: ${error instanceof Error ? error.message : String(error)}`;
      return io.emit({ type: 'warning', message });
    });
  }
}

function builderOptions({ environment }: StepOf<'builder'>) {
  return {
    buildArgs: environment,
    labels: new Map<string, string>(),
    noCache: false,
    pull: false,
    addHosts: [],
    ulimits: [],
    cacheFrom: [],
    inlineCache: false,
  };
}
