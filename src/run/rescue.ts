import { onAbort } from '../model/abort.js';
import { Failure } from '../model/errors.js';
import type { StepEvent } from '../model/events.js';
import { formatDuration } from '../model/quantity.js';
import type { Containers, ContainerSpec, Engine, OnFailed, OpenTerminal, StepIO } from '../ports.js';

/** Milliseconds that a shell may stay open: the build keeps its place meanwhile. */
export const LONGEST = 30 * 60_000;

/** `--on-failure shell`: the caller looks around where something failed. The verdict stays what it is. */
export type Rescue = {
  /** In a copy of a container whose command has failed. Rejects only where the build is cancelled meanwhile. */
  inContainer: OnFailed;
  /** In the layers before a RUN that failed, where the engine's error names them. The same. */
  inImage(error: unknown, where: Pick<ContainerSpec, 'build' | 'network'>, io: StepIO): Promise<void>;
};

export type RescueSettings = {
  ports: { containers: Containers; engine: Engine };
  openTerminal: OpenTerminal;
  /** The engine's name for the copy of a failed container. */
  tag: string;
};

/** There is one terminal, so of several projects that fail the first one gets it. */
export function createRescue({ ports, openTerminal, tag }: RescueSettings): Rescue {
  let taken = false;
  const look = async (io: StepIO, open: () => Promise<StepEvent[]>): Promise<void> => {
    if (taken || io.signal.aborted) return;
    taken = true;
    await io.emit(
      line(`a shell where it failed: 'exit' ends it, at the latest after ${formatDuration(LONGEST)}`),
    );
    try {
      for (const event of await open()) await io.emit(event);
      await io.emit(line('the shell has ended'));
    } catch (error) {
      io.signal.throwIfAborted();
      const why = error instanceof Failure ? error.message : String(error);
      await io.emit({ type: 'warning', message: `no shell: ${why}` });
    }
  };
  return {
    inContainer: (failed, spec, io) =>
      look(io, async () => {
        try {
          await failed.save(tag, io.signal);
          return await openShell({ ...spec, image: tag }, { ports, openTerminal, signal: io.signal });
        } finally {
          // Also where saving was cut off: the engine may have named it all the same.
          await ports.engine.untag(tag, io.signal);
        }
      }),
    async inImage(error, where, io) {
      if (!(error instanceof Failure) || error.code !== 'DOCKERFILE_FAILED') return;
      const { lastLayer: image } = error;
      if (image === undefined) return await io.emit({ type: 'warning', message: NO_LAYER });
      const none = new Map<string, never>();
      const spec = { ...where, image, environment: none, secrets: none, caches: none };
      await look(io, () => openShell(spec, { ports, openTerminal, signal: io.signal }));
    },
  };
}

type Tools = Pick<RescueSettings, 'ports' | 'openTerminal'> & { signal: AbortSignal };

/** Resolves with what there is to say: nobody else writes on the terminal while the shell has it. */
async function openShell(spec: ContainerSpec, { ports, openTerminal, signal }: Tools): Promise<StepEvent[]> {
  const said: StepEvent[] = [];
  using limit = startLimit(signal);
  const io = { emit: (event: StepEvent) => void said.push(event), signal: limit.signal };
  {
    await using session = await openTerminal(io.signal);
    const shell = { ...spec, command: SHELL, terminal: session.terminal.term, secrets: new Map() };
    await using container = await ports.containers.create(
      { ...shell, local: true, environment: new Map([...spec.environment, ['TERM', session.terminal.term]]) },
      { registries: new Map(), ...io },
    );
    try {
      await container.interact(session, io.signal);
    } catch (error) {
      // The shell was at its prompt.
      if (io.signal.aborted) await session.write(Buffer.from('\r\n'));
      signal.throwIfAborted();
      if (!io.signal.aborted) throw error;
      said.push(line('the time of the shell is over'));
    }
  }
  return said;
}

function startLimit(build: AbortSignal): { signal: AbortSignal } & Disposable {
  const limit = new AbortController();
  const stop = () => limit.abort();
  const timer = setTimeout(stop, LONGEST);
  const watch = onAbort(build, stop);
  return {
    signal: limit.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      watch[Symbol.dispose]();
    },
  };
}

const SHELL = ['/bin/sh'] as const;
const NO_LAYER =
  'no shell: of a RUN that failed only the classic builder keeps the layers before it (BUILDBOT_BUILDKIT=no)';

function line(text: string): StepEvent {
  return { type: 'log', stream: 'stdout', text: `${text}\n` };
}
