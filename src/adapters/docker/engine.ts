import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import { Failure } from '../../model/errors.js';
import type { Engine, Locks } from '../../ports.js';
import { buildAndInspect } from './build.js';
import { connect } from './connection.js';
import type { BuildkitChoice, EngineIdentity } from './describe.js';
import { createIdentity } from './identity.js';
import { engineName } from './images.js';
import { lendingNotes } from './lendings.js';
import { createNameLock } from './name-lock.js';
import { pushUnderName } from './push.js';
import { tagImage, untagImage } from './tag.js';

type DockerEngineOptions = {
  /** `no`: the classic builder, whatever the engine has; `yes`: no build without BuildKit. */
  buildkit: BuildkitChoice;
  /** Where it is written down, for `sweepEngine` too, which names images bear while they are pushed. Absent: nobody sweeps them. */
  lendings?: { directory: string; runner: string };
  /** Of the runners that share the engine: they take turns at a name. Absent: only pushes of this process do. */
  locks?: Locks;
  /** What contexts are stamped with (see `contextStamp`); without it one of this process alone, so that the engine's copies end with it. */
  contextSecret?: () => Promise<Buffer>;
  /** Where the engine is; what is absent comes from DOCKER_HOST and its like, or is the default socket. */
  connection?: Docker.DockerOptions;
};

/** Docker, and Podman's Docker API, as the port Engine. Opens no connection before it is asked something. */
export function createDockerEngine(options: DockerEngineOptions): Engine {
  const { buildkit, lendings, locks, connection: where, contextSecret = async () => ownSecret } = options;
  const ownSecret = randomBytes(32);
  const connection = connect(where);
  const withName = createNameLock(locks);
  const notes = lendingNotes(lendings);
  const identity = createIdentity(connection, buildkit);

  return {
    async describe(signal) {
      const { name, version, buildkit } = await identity.ask(signal);
      return { name, version, buildkit };
    },
    async build(spec, io) {
      const engine = await identity.get(io.signal);
      if (buildkit === 'yes' && !engine.buildkit) throw withoutBuildkit(engine);
      const what = { engine, spec, contextSecret: await contextSecret() };
      return identity.watch(buildAndInspect(connection, what, io));
    },
    push: (source, target, access) =>
      identity.watch(
        withName({ name: engineName(target), signal: access.signal }, async () => {
          const { name: engine } = await identity.get(access.signal);
          return pushUnderName(connection, { engine, source, target, withName, notes }, access);
        }),
      ),
    tag: (source, target, signal) =>
      identity.watch(tagImage(connection, { source, target, signal }, { withName, notes })),
    untag: (name, signal) =>
      identity.watch(untagImage(connection, { engine: identity.known?.name, name, signal })),
  };
}

function withoutBuildkit({ name, version }: EngineIdentity): Failure {
  return new Failure(
    'CONFIG_INVALID',
    `the engine (${name} ${version}) has no BuildKit, and this runner wants it`,
    { hint: 'run the runner with BUILDBOT_BUILDKIT=auto, or with an engine that has BuildKit' },
  );
}
