import { statusOf, type BuildResult } from '../model/result.js';
import type { Failure } from '../model/errors.js';

/** What a program that reads JSON gets when a build was refused before it began: a result like any other. */
export function refusal(failure: Failure, output: 'json' | 'result'): string {
  const now = new Date().toISOString();
  const result: BuildResult = {
    version: 1,
    id: '',
    status: statusOf(failure.exitCode),
    exitCode: failure.exitCode,
    failure: { code: failure.code, message: `${failure.message}; ${failure.hint}`, log: [] },
    images: [],
    published: [],
    steps: [],
    queuedAt: now,
    finishedAt: now,
  };
  return `${JSON.stringify(output === 'result' ? result : { type: 'result', time: now, build: '', ...result })}\n`;
}
