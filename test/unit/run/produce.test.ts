import { expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { readFacts } from '../../../src/plan/facts.js';
import { makePlan } from '../../../src/plan/plan.js';
import { readProjects } from '../../../src/plan/projects.js';
import { memoryTree } from '../../../src/plan/trees.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { announceOutcome } from '../../../src/run/announce.js';
import type { Execution, Ports, Progress } from '../../../src/run/execution.js';
import { Journal } from '../../../src/run/journal.js';
import { produce } from '../../../src/run/produce.js';
import { createQueue } from '../../../src/run/queue.js';
import { createStepLimits } from '../../../src/run/step-limits.js';
import {
  fakeArtefacts,
  fakeCaches,
  fakeClock,
  fakeContainers,
  fakeEngine,
  fakeNotifier,
  fakeSource,
  fakeSpools,
  fakeStorage,
  fakeWorkspaces,
  revision,
} from '../../fakes/ports.js';

const ports = (change: Partial<Ports> = {}): Ports => ({
  source: fakeSource({}),
  contexts: { receive: () => Promise.reject(new Error('no context was sent')) },
  engine: fakeEngine(),
  containers: fakeContainers(),
  spools: fakeSpools(),
  storage: fakeStorage(),
  caches: fakeCaches(),
  artefacts: fakeArtefacts(),
  notifier: fakeNotifier(),
  workspaces: fakeWorkspaces(),
  clock: fakeClock(),
  runner: 'abcdef012345',
  ...change,
});

function request(...flags: string[]) {
  const words = ['build', '--repo', 'https://forge.example/a.git', '--image', 'r.example/a', ...flags];
  return toBuildRequest(parseCommand(words, { local: false }).flags, noCredentials);
}

async function prepared(world: Ports, files: Record<string, string>, ...flags: string[]) {
  const asked = request(...flags);
  const tree = memoryTree(
    Object.entries(files).map(([path, text]) => ({
      path,
      mode: 0o644,
      content: Buffer.from(text),
      mtime: 1,
    })),
  );
  const [spec] = await readProjects(tree, asked);
  const facts = await readFacts(tree, spec!);
  const plan = makePlan(asked, [{ spec: spec!, facts }], revision);
  const journal = new Journal('b1', world.clock, {
    emit: () => undefined,
    limits: createStepLimits({}, { onStart: () => undefined, why: () => '' }),
  });
  const progress: Progress = { images: [], published: [], plan, revision };
  const { signal } = new AbortController();
  const queue = createQueue({ maxBuilds: 1, maxQueued: 0 });
  const execution: Execution = {
    ports: world,
    journal,
    progress,
    signal,
    scratch: '/nowhere',
    queue,
    openTerminal: undefined,
  };
  const run = {
    plan: plan.projects[0]!,
    spec: spec!,
    facts,
    tag: 'private',
    revision,
    tested: undefined,
    rescue: undefined,
  };
  return { asked, run, execution };
}

it('an ignore file that a builder left and that does not parse fails the image, and says so', async () => {
  const left = memoryTree([{ path: '.dockerignore', mode: 0o644, content: Buffer.from('['), mtime: 1 }]);
  const spool = () => Promise.resolve({ ...left, [Symbol.asyncDispose]: () => Promise.resolve() });
  const world = ports({ spools: { spool } });
  const flags = ['--builder-image', 'b:1', '--builder-command', 'make', '--extract', '/out'];
  const { asked, run, execution } = await prepared(world, { Dockerfile: 'FROM x' }, ...flags);
  const error: unknown = await produce(asked, run, execution).catch((reason: unknown) => reason);
  expect(execution.journal.describeFailure(error).failure).toMatchObject({
    step: 'image',
    project: 'a',
    code: 'DOCKERFILE_INVALID',
  });
});

it('channels get the page of the build where the server has one', async () => {
  const files = { Dockerfile: 'FROM x', 'build.yml': 'a: { notify: [webhook, github] }' };
  const told = async (change: Partial<Ports>) => {
    const notifier = fakeNotifier();
    const { asked, execution } = await prepared(ports({ notifier, ...change }), files, '--id', 'b1');
    execution.progress.pending = {
      told: Promise.resolve(),
      giveUp: () => undefined,
      warnings: new Set(),
    };
    await announceOutcome(asked, { exitCode: 0 }, execution);
    return notifier.told.map(([, { url }]) => url);
  };
  expect(await told({ publicUrl: 'https://ci.example/b/{id}?from={id}' })).toEqual([
    'https://ci.example/b/b1?from=b1',
    'https://ci.example/b/b1?from=b1',
  ]);
  expect(await told({})).toEqual([undefined, undefined]);
});
