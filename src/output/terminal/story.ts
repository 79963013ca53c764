import { assertNever } from '../../model/assert-never.js';
import type { BuildEvent } from '../../model/events.js';
import { finishedText, verdictText, warningText } from './lasting.js';
import { createSteps, type RunningStep } from './steps.js';
import type { Style } from './style.js';

/** What a terminal is told of a build: the steps that run now, and, event by event, whole lines that stay. */
export type Story = { readonly running: readonly RunningStep[]; tell(event: BuildEvent): string };

export function createStory(style: Style): Story {
  const steps = createSteps();
  return {
    get running() {
      return steps.running;
    },
    tell(event) {
      switch (event.type) {
        case 'step.finished': {
          const step = steps.finish(event);
          return step ? finishedText(step, event, style) : '';
        }
        case 'warning':
          return warningText(event.message, style);
        case 'result':
          return verdictText(event, style);
        case 'build.queued':
        case 'build.started':
        case 'plan':
        case 'step.started':
        case 'log':
        case 'progress':
          steps.observe(event);
          return '';
        default:
          return assertNever(event);
      }
    },
  };
}
