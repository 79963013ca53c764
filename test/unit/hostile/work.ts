import { Session, type Profiler } from 'node:inspector';

/**
 * Starts to count how much of the project's and its parsers' code runs for an input: V8's precise coverage, block by block, the same on any
 * machine. To be called before that code runs for the first time, since it is compiled with counters or without. What a regular
 * expression or a built-in function does is in no block; `cpu` is for those.
 */
export async function countBlocks(): Promise<(act: () => unknown) => Promise<number>> {
  const session = new Session();
  session.connect();
  const post = <T>(method: string, params?: object) =>
    new Promise<T>((resolve, reject) =>
      session.post(method, params, (error, answer) => (error ? reject(error) : resolve(answer as T))),
    );
  await post('Profiler.enable');
  await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  // What is taken is counted from nothing again.
  const take = () => post<Profiler.TakePreciseCoverageReturnType>('Profiler.takePreciseCoverage');
  return async (act) => {
    await take();
    await act();
    const { result } = await take();
    return result
      .filter(({ url }) => /\/src\/|\/node_modules\/(?:yaml|minimist|zod)\//.test(url))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .reduce((sum, { count }) => sum + count, 0);
  };
}

/** Milliseconds of the processor's time, the least of several runs: what else runs on the machine hardly counts. */
export async function cpu(act: () => unknown, runs = 5): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage();
    await act();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
