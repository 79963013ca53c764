import { createRenderer, type OutputFormat, type Progress, type Renderer } from '../output/renderer.js';
import type { FlagValues } from '../request/parse.js';
import type { Invocation } from './invocation.js';

/** What shows a build on the caller's streams, as --output and --progress want it. Throws Failure USAGE. */
export function rendererFor(flags: FlagValues, invocation: Invocation): Renderer {
  const format = flags.one('output') as OutputFormat | undefined;
  const progress = flags.one('progress') as Progress | undefined;
  return createRenderer({ format, progress }, invocation);
}
