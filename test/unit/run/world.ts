import { noCredentials } from '../../../src/model/credentials.js';
import type { BuildEvent } from '../../../src/model/events.js';
import type { Failure } from '../../../src/model/errors.js';
import type { Rights } from '../../../src/model/rights.js';
import { Secret } from '../../../src/model/secret.js';
import type { ContainerExit, ContainerSpec } from '../../../src/ports.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';
import type { Built } from '../../../src/run/built.js';
import { createBuilds, type Builds, type BuildsOptions, type Submission } from '../../../src/run/builds.js';
import { createFeed } from '../../../src/run/feed.js';
import {
  fakeArtefacts,
  fakeCaches,
  fakeClock,
  fakeContainers,
  fakeContexts,
  fakeEngine,
  fakeNotifier,
  fakeSource,
  fakeSpools,
  fakeStorage,
  fakeWorkspaces,
  type EngineKnobs,
} from '../../fakes/ports.js';

const s3 = { accessKeyId: 'k', secretAccessKey: new Secret('s') };
const lent = { ...noCredentials, s3, secrets: new Map([['TOKEN', new Secret('t')]]) };
export const caller = { fingerprint: 'SHA256:x', comment: 'me', address: '192.0.2.1', rights: {} as Rights };

export function request(flags = '', image = '--image registry.example/team/app') {
  const line = `build --repo https://forge.example/a.git ${image} ${flags}`;
  return toBuildRequest(parseCommand(splitCommand(line), { local: false }).flags, lent);
}

export type World = {
  files?: Record<string, string>;
  engine?: EngineKnobs;
  source?: Failure;
  exits?: (spec: ContainerSpec) => ContainerExit;
  options?: Partial<BuildsOptions>;
};

/** The builds of a runner on fakes. */
export function world({
  files = { Dockerfile: 'FROM base:1\n' },
  engine = {},
  source,
  exits,
  options = {},
}: World = {}) {
  const ports = {
    source: fakeSource(files, source),
    contexts: fakeContexts(files),
    engine: fakeEngine(engine),
    containers: fakeContainers(exits),
    spools: fakeSpools(),
    storage: fakeStorage(),
    caches: fakeCaches(),
    artefacts: fakeArtefacts(),
    notifier: fakeNotifier(['slack']),
    workspaces: fakeWorkspaces(),
    clock: fakeClock(),
    runner: 'abcdef012345',
  };
  const failures: Failure[] = [];
  const successes: Built[] = [];
  const builds = createBuilds(ports, {
    limits: { maxBuilds: 1, maxQueued: 1 },
    maxTimeout: 60_000,
    stepTimeouts: {},
    onFailure: (_, failure) => failures.push(failure),
    onSuccess: (built) => successes.push(built),
    ...options,
  });
  return { ...ports, builds, failures, successes };
}

export async function run(builds: Builds, flags = '', image?: string) {
  const { signal } = new AbortController();
  const events: BuildEvent[] = [];
  const result = await builds.submit(
    request(flags, image),
    submission((event) => void events.push(event), signal),
  );
  return { events, result };
}

/** What a door hands over with a request, for a caller who takes `emit`'s events. */
export function submission(
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
  from = caller,
): Submission {
  const feed = createFeed(emit);
  return { caller: from, emit: feed.emit, feed, signal, redact: (text) => text };
}

/** Resolves when the build has said something that fits. */
export function started(
  builds: Builds,
  flags: string,
  signal: AbortSignal,
  until: (event: BuildEvent) => boolean,
  from = caller,
) {
  let seen: () => void;
  const reached = new Promise<void>((resolve) => (seen = resolve));
  const emit = (event: BuildEvent) => void (until(event) && seen());
  return { reached, result: builds.submit(request(flags), submission(emit, signal, from)) };
}

export const inImage = (event: BuildEvent) => event.type === 'step.started' && event.step === 'image';
