import type { BuilderSpec, Command, NotifyChannel, PublishSpec } from '../model/project.js';
import type { ImageReference } from '../model/reference.js';
import type { ImageOptions, SecretMount } from '../model/request.js';
import type { AddedFile } from './added-files.js';

/** One thing that is done for a project: plain data, printable before it runs. */
export type Step =
  | {
      kind: 'builder';
      builder: Extract<BuilderSpec, { kind: 'image' }>;
      secrets: readonly SecretMount[];
      network?: 'none';
      environment: ReadonlyMap<string, string>;
    }
  | {
      kind: 'builder';
      builder: Extract<BuilderSpec, { kind: 'dockerfile' }>;
      secrets: readonly SecretMount[];
      /** How the builder's own image is built. */
      options: ImageOptions;
    }
  | {
      kind: 'image';
      dockerfile: string;
      base?: string;
      options: ImageOptions;
      secrets: readonly SecretMount[];
    }
  | {
      kind: 'test';
      commands: readonly Command[];
      /** Stage to test in the new image's stead. `apart`: it is not made from what is delivered. */
      target?: string;
      apart?: boolean;
      secrets: readonly SecretMount[];
      network?: 'none';
    }
  | { kind: 'publish'; targets: readonly PublishSpec[]; secrets: readonly SecretMount[]; network?: 'none' }
  | { kind: 'push'; refs: readonly ImageReference[]; retries: number };

export type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;

/** What will be done for one project. */
export type ProjectPlan = {
  project: string;
  /** Image name without a tag. */
  name: string;
  refs: readonly ImageReference[];
  /** Written into the context. */
  added: readonly AddedFile[];
  /** In order. Steps that make something come before those that deliver it. */
  steps: readonly Step[];
  /** The references stay in the engine, and go nowhere else. */
  keep: boolean;
  notify: readonly NotifyChannel[];
};

export type Plan = { projects: readonly ProjectPlan[] };
