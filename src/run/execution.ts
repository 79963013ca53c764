import type { BuildResult } from '../model/result.js';
import type { ProjectSpec } from '../model/project.js';
import type { SourceRevision } from '../model/source.js';
import type { Facts } from '../plan/facts.js';
import type { Plan, ProjectPlan, StepOf } from '../plan/step.js';
import type {
  Artefacts,
  Caches,
  Clock,
  Containers,
  Contexts,
  Engine,
  Notifier,
  OpenTerminal,
  Source,
  Spools,
  Storage,
  Workspaces,
} from '../ports.js';
import type { Journal } from './journal.js';
import type { Queue } from './queue.js';
import type { Rescue } from './rescue.js';

/** What a build needs from the world. */
export type Ports = {
  source: Source;
  contexts: Contexts;
  engine: Engine;
  containers: Containers;
  spools: Spools;
  storage: Storage;
  caches: Caches;
  artefacts: Artefacts;
  notifier: Notifier;
  workspaces: Workspaces;
  clock: Clock;
  /** The runner's name: private names in the engine begin with it. */
  runner: string;
  /** Of a page about a build; `{id}` stands for the build's id. */
  publicUrl?: string;
};

/** What a build has reached so far: what the result and notifications tell however it ends. */
export type Progress = Pick<BuildResult, 'source' | 'startedAt' | 'images' | 'published'> & {
  revision?: SourceRevision;
  plan?: Plan;
  /** The channels hear that the build began. */
  pending?: PendingNews;
};

export type PendingNews = {
  /** Settles when all have heard, or could not be told. Never rejects. */
  told: Promise<void>;
  /** What has not been told by now never will be, and nobody is warned of that. */
  giveUp(): void;
  /** What the caller was warned of. */
  warnings: ReadonlySet<string>;
};

export type Execution = {
  ports: Ports;
  journal: Journal;
  progress: Progress;
  signal: AbortSignal;
  /** Directory on disk of this build. */
  scratch: string;
  queue: Queue;
  /** The caller's terminal, where it wants a shell in what fails. */
  openTerminal: OpenTerminal | undefined;
};

/** One project on its way. */
export type ProjectRun = {
  plan: ProjectPlan;
  spec: ProjectSpec;
  facts: Facts;
  /** The engine's name for its image while the build lasts. */
  tag: string;
  revision: SourceRevision;
  /** The engine's name for the image of the test stage, once there is one. */
  tested: string | undefined;
  rescue: Rescue | undefined;
};

/** The step of a kind in a project's plan. */
export function stepOf<K extends StepOf<'image'>['kind'] | 'builder' | 'test' | 'publish' | 'push'>(
  plan: ProjectPlan,
  kind: K,
): StepOf<K> | undefined {
  return plan.steps.find((step): step is StepOf<K> => step.kind === kind);
}
