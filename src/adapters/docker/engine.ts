import type Docker from 'dockerode';
import { formatReference } from '../../model/reference.js';
import type { Engine } from '../../ports.js';
import { buildImage } from './build.js';
import { connect } from './connection.js';
import { type BuildkitChoice, type EngineIdentity, identifyEngine } from './describe.js';
import { addName, removeName } from './images.js';
import { createNameLock } from './name-lock.js';
import { pushImage } from './push.js';

export type DockerEngineOptions = {
  /** `no`: the classic builder, whatever the engine has. */
  buildkit: BuildkitChoice;
  /** Where the engine is; what is absent comes from DOCKER_HOST and its like, or is the default socket. */
  connection?: Docker.DockerOptions;
};

/** Docker, and Podman's Docker API, as the port Engine. Opens no connection before it is asked something. */
export function createDockerEngine({ buildkit, connection: where }: DockerEngineOptions): Engine {
  const connection = connect(where);
  const withName = createNameLock();
  let known: EngineIdentity | undefined;
  const identify = async (signal: AbortSignal) =>
    (known = await identifyEngine(connection, buildkit, signal));

  return {
    async describe(signal) {
      const { name, version, buildkit } = await identify(signal);
      return { name, version, buildkit };
    },
    async build(spec, io) {
      const engine = known ?? (await identify(io.signal));
      return buildImage(connection, { engine, spec }, io);
    },
    push: (source, target, access) =>
      withName(formatReference(target), () => pushImage(connection, { source, target }, access)),
    tag: (source, target) => withName(formatReference(target), () => addName(connection, source, target)),
    untag: (name) => removeName(connection, name),
  };
}
