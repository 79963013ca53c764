import { Failure } from '../../model/errors.js';
import type { BuiltImage, ImageSpec, StepIO } from '../../ports.js';
import { buildkitBuild } from './buildkit-build.js';
import { classicBuild } from './classic-build.js';
import type { Connection } from './connection.js';
import { podmanBuild } from './podman-build.js';
import { removing } from './debts.js';
import type { EngineIdentity } from './describe.js';
import { cleanUp } from './deadline.js';
import { engineFailure } from './engine-failure.js';
import { type EngineImage, inspectImage, removeName } from './images.js';

/** Builds with the better builder that the engine has, and looks the image up. */
export async function buildAndInspect(
  connection: Connection,
  { engine, spec, contextSecret }: { engine: EngineIdentity; spec: ImageSpec; contextSecret: Buffer },
  io: StepIO,
): Promise<BuiltImage> {
  const { id, cached } = engine.buildkit
    ? await buildkitBuild(connection, { spec, apiVersion: engine.apiVersion, contextSecret }, io)
    : engine.name === 'podman'
      ? await podmanBuild(connection, spec, io)
      : await classicBuild(connection, { spec }, io);
  const { size, platform } = await inspectBuilt(connection, id, io.signal);
  const asked = spec.options.platform;
  // The classic builder takes any local base image for the platform that was asked for.
  if (asked !== undefined && !engine.buildkit && !samePlatform(asked, platform)) {
    const what = removing(spec.tag);
    await cleanUp(connection, { what, ...io }, (signal) => removeName(connection, spec.tag, signal));
    throw new Failure(
      'NOT_SUPPORTED',
      `--platform ${asked} needs BuildKit: the classic builder built for ${platform}`,
    );
  }
  return { id, size, platform, cached };
}

async function inspectBuilt(connection: Connection, id: string, signal: AbortSignal): Promise<EngineImage> {
  try {
    return await inspectImage(connection, id, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw engineFailure(connection, 'find the image that it built', error);
  }
}

/** Other names of architectures (containerd/platforms, database.go). */
const ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  'arm64/v8': 'arm64',
  'aarch64/v8': 'arm64',
  armhf: 'arm/v7',
};

function samePlatform(asked: string, built: string): boolean {
  return normalize(asked) === normalize(built);
}

function normalize(platform: string): string {
  const text = platform.toLowerCase();
  const [os, ...rest] = /^(?:linux|windows|freebsd)\//.test(text) ? text.split('/') : ['linux', text];
  const architecture = rest.join('/');
  return `${os}/${ALIASES[architecture] ?? architecture}`;
}
