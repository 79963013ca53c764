import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from './ask.js';
import type { Places } from './places.js';
import { endGroup, recordEngine } from './predecessor.js';
import { PROGRAM_PATH } from './rights.js';

/** Its first process, which lies beside the Dockerfile; as far from here in src as in dist. */
const INIT = fileURLToPath(new URL('../../../docker/engine-init', import.meta.url));

/** Exit code of engine-init where it lacks a right; its last line says which. */
const REFUSED = 78;
/** Milliseconds that dockerd has to end by itself. */
export const GRACE = 15_000;
/** Milliseconds between two looks at whether it answers by now. */
const LOOK = 100;

export type End = { reason: string; lastLines: readonly string[]; refused: boolean; ranFor: number };

/** One life of dockerd. */
export type Daemon = {
  pid: number;
  /** Never rejects. */
  ended: Promise<End>;
  /** True as soon as it answers, false where it ended instead. */
  answered: Promise<boolean>;
  /** Asks it to end, and kills it where it does not. Safe twice. */
  stop(): Promise<void>;
};

export type DaemonOptions = {
  places: Places;
  environment: NodeJS.ProcessEnv;
  /** Hears each line that dockerd writes. */
  onLine: (line: string) => void;
};

export async function startDaemon({ places, environment, onLine }: DaemonOptions): Promise<Daemon> {
  // When the first process of a PID namespace ends, the kernel ends all others: no container outlives its engine.
  const namespaces = [
    '--mount',
    '--propagation',
    'slave',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
  ];
  const child = spawn('unshare', [...namespaces, INIT, places.runDirectory, places.cgroup], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: engineEnvironment(environment),
    // A process group of its own: a terminal's Ctrl-C is for the runner, which ends the engine last.
    detached: true,
  });
  const ended = endOf(child, onLine);
  child.stdin.on('error', () => undefined);
  // Without a pid it could not be started, and `ended` says why.
  if (child.pid !== undefined) await recordEngine(places, child.pid).catch(() => undefined);
  const pid = child.pid ?? 0;
  return {
    pid,
    ended,
    answered: Promise.race([untilAnswered(places.socket, child), ended.then(() => false)]),
    async stop() {
      child.stdin.end();
      const timer = new AbortController();
      await Promise.race([ended, wait(GRACE, undefined, { signal: timer.signal }).catch(() => undefined)]);
      timer.abort();
      if (pid > 1) await endGroup(pid);
      await ended;
    },
  };
}

function endOf(child: ChildProcess, onLine: (line: string) => void): Promise<End> {
  const started = Date.now();
  const lastLines: string[] = [];
  createInterface(child.stderr!).on('line', (line) => {
    lastLines.push(line);
    if (lastLines.length > 10) lastLines.shift();
    onLine(line);
  });
  return new Promise((resolve) => {
    const end = (reason: string, refused = false) =>
      resolve({ reason, lastLines, refused, ranFor: Date.now() - started });
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(signal ?? `exit code ${code}`, code === REFUSED));
  });
}

async function untilAnswered(socketPath: string, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    if ((await ask(socketPath, '/_ping')) !== undefined) return true;
    await wait(LOOK);
  }
  return false;
}

/** What dockerd and all that it starts may see: proxies and its own settings, and nothing that was meant for the runner. */
function engineEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const passed =
    /^(?:https?_proxy|no_proxy|BUILDKIT_\w+|DOCKER_RAMDISK|SSL_CERT_FILE|SSL_CERT_DIR|LANG|TZ)$/i;
  const entries = Object.entries(environment).filter(([name]) => passed.test(name));
  return { ...Object.fromEntries(entries), PATH: PROGRAM_PATH, HOME: '/root' };
}
