import { readdir, readFile, readlink } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { docker, namedAfter } from '../scenarios/engine.js';

/** Whose remains: runners by name and process, with what only they know. */
export type Traces = {
  data: string;
  /** Their names on what they make in the engine. */
  names: readonly string[];
  /** Their process ids, the living one last. */
  pids: readonly number[];
  /** A word of the names of all images that they push. */
  mark: string;
  /** Anonymous volumes that were there before. */
  volumes: ReadonlySet<string>;
  /** Texts that may lie nowhere. */
  secrets: readonly string[];
};

/** What builds may leave nothing of, a line for each thing: in the engine, on disk, in memory, among the processes. */
export async function remains(traces: Traces): Promise<string[]> {
  const found = await Promise.all([inEngine(traces), files(traces), processes(traces), secretFiles(traces)]);
  return found.flat();
}

/** Volumes without a name of their own: what a container's image asked for. */
export async function anonymousVolumes(): Promise<string[]> {
  const { Volumes } = await docker.listVolumes();
  return Volumes.map(({ Name }) => Name).filter((name) => /^[0-9a-f]{64}$/.test(name));
}

async function inEngine({ names, mark, volumes }: Traces): Promise<string[]> {
  const images = await docker.listImages();
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.includes(mark));
  const more = (await anonymousVolumes()).filter((name) => !volumes.has(name));
  return [
    ...(await namedAfter(names)).map((what) => `engine: ${what}`),
    ...tags.map((tag) => `image: ${tag}`),
    ...more.map((name) => `volume: ${name}`),
  ];
}

async function files({ data, pids }: Traces): Promise<string[]> {
  const list = async (directory: string) =>
    (await readdir(directory).catch(() => [])).map((name) => join(directory, name));
  const isOurs = (path: string) => pids.some((pid) => path.includes(`buildbot-${userInfo().uid}-${pid}-`));
  const elsewhere = [...(await list('/dev/shm')), ...(await list(tmpdir()))].filter(isOurs);
  return [...elsewhere, ...(await list(join(data, 'scratch')))].map((path) => `file: ${path}`);
}

/** Children of the living runner, and whoever works in the data directory: git, ssh, also of a runner that is dead. */
async function processes({ data, pids }: Traces): Promise<string[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    all.filter((pid) => !pids.includes(pid)).map(async (pid) => describeProcess(pid, { data, pids })),
  );
  return found.filter((line) => line !== undefined);
}

async function describeProcess(
  pid: number,
  { data, pids }: Pick<Traces, 'data' | 'pids'>,
): Promise<string | undefined> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const [stat, words, environment] = await Promise.all([read('stat'), read('cmdline'), read('environ')]);
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  // proc(5): after the name in parentheses come the state and the parent.
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === undefined || state === 'Z') return undefined;
  const works = [words, environment, cwd].some((text) => text.includes(data));
  if (!works && !pids.includes(Number(parent))) return undefined;
  return `process: ${pid} ${words.replaceAll('\0', ' ')}`;
}

/** Nothing there is large; what is no file any more when it is read has gone, which is what is asked for. */
async function secretFiles({ data, secrets }: Traces): Promise<string[]> {
  const entries = await readdir(data, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const found: string[] = [];
  for (const path of paths) {
    const text = await readFile(path, 'latin1').catch(() => '');
    if (secrets.some((secret) => text.includes(secret))) found.push(`secret: ${path}`);
  }
  return found;
}
