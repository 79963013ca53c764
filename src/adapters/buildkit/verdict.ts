import { Failure } from '../../model/errors.js';
import { diskFull } from './disk-full.js';
import { runFailed } from './run-failed.js';
import type { SolveStatus, Vertex } from './trace.js';

/** Names that the Dockerfile frontend gives its vertices (moby/buildkit, frontend/dockerfile). */
const METADATA = /^(?:\[internal\] load metadata for|resolve image config for) (?<image>\S+)/;
const FROM = /^(?:\[[^\]]*\] )?FROM (?<image>\S+)/;
const INSTRUCTION = /^\[[^\]]*\d+\/\d+\] (?!FROM )/;
const DEFINITION = /^\[internal\] load build definition/;
const CACHE_IMPORT = /^importing cache manifest from (?<image>\S+)/;

/** BuildKit gives a RUN's exit code in this text alone: `process "/bin/sh -c …" did not complete successfully: exit code: 7`. */
const EXIT_CODE = /\bexit code: (\d+)$/;

/** Follows a solve to say at its end whether all came from the cache, or why it failed. */
type Verdict = {
  /** Returns messages for what does not fail the build. */
  observe(status: SolveStatus): string[];
  cached(): boolean;
  failure(message: string): Failure;
};

export function solveVerdict(): Verdict {
  const vertices = new Map<string, Vertex>();
  return {
    observe({ vertexes }) {
      const warnings: string[] = [];
      for (const vertex of vertexes) {
        const image = CACHE_IMPORT.exec(vertex.name)?.groups?.['image'];
        if (image === undefined) vertices.set(vertex.digest, vertex);
        else if (vertex.error !== '') warnings.push(`the cache ${image} cannot be read: ${vertex.error}`);
      }
      return warnings;
    },
    cached: () => [...vertices.values()].every(({ name, cached }) => cached || !INSTRUCTION.test(name)),
    failure(message) {
      const all = [...vertices.values()];
      const failed = all.findLast(({ error }) => error !== '' && !error.endsWith('context canceled'));
      if (failed !== undefined) return vertexFailure(failed, message);
      const full = diskFull(message);
      if (full) return full;
      const understood = all.some(({ name, completed }) => DEFINITION.test(name) && completed !== undefined);
      const reason = message.replace(/^failed to solve[^:]*: /, '');
      return understood
        ? new Failure('DOCKERFILE_INVALID', `the Dockerfile is not valid: ${reason}`)
        : new Failure('ENGINE_FAILED', `the engine failed to build: ${message}`);
    },
  };
}

function vertexFailure({ name, error }: Vertex, message: string): Failure {
  const code = (EXIT_CODE.exec(error) ?? EXIT_CODE.exec(message))?.[1];
  const full = code === undefined ? diskFull(error) : undefined;
  if (full) return full;
  const image = (METADATA.exec(name) ?? FROM.exec(name))?.groups?.['image'];
  if (image !== undefined) {
    return new Failure('BASE_IMAGE_UNAVAILABLE', `the image ${image} cannot be had: ${error}`);
  }
  if (!INSTRUCTION.test(name))
    return new Failure('ENGINE_FAILED', `the engine failed at '${name}': ${error}`);
  if (code === undefined) return new Failure('DOCKERFILE_FAILED', `'${name}' failed: ${error}`);
  return runFailed(name, Number(code));
}
