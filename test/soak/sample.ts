import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { lab } from '../lab/environment.js';
import { docker } from '../scenarios/engine.js';
import type { Runner } from '../scenarios/runner.js';

/** What is measured between builds, when none runs; `unit` as it is shown. */
// The engine's connections stay open for a few seconds: how many there are between builds goes up and down by ten.
export const metrics = {
  rss: { name: 'memory of the runner', unit: 'MB', slack: 24 },
  heap: { name: 'its heap, after a collection', unit: 'MB', slack: 4 },
  descriptors: { name: 'its file descriptors', unit: '', slack: 10 },
  sockets: { name: 'of these, sockets', unit: '', slack: 10 },
  threads: { name: 'its threads', unit: '', slack: 2 },
  children: { name: 'its child processes', unit: '', slack: 0 },
  containers: { name: 'containers', unit: '', slack: 0 },
  images: { name: 'images with a name', unit: '', slack: 0 },
  volumes: { name: 'volumes', unit: '', slack: 1 },
  memoryFiles: { name: 'its files in /dev/shm', unit: '', slack: 0 },
  temporaryFiles: { name: 'its temporary files', unit: '', slack: 0 },
  scratch: { name: 'files of builds in the data directory', unit: '', slack: 0 },
  files: { name: 'files in the data directory, less those of new revisions', unit: '', slack: 20 },
  data: { name: 'disk of the data directory', unit: 'MB', slack: 4 },
  engine: { name: 'disk of the engine', unit: 'MB', slack: 16 },
  registry: { name: 'disk of the registry, less new images', unit: 'MB', slack: 2 },
} as const;

export type Metric = keyof typeof metrics;
export type Sample = Record<Metric, number>;

/** Where the runner keeps things, and how many images it has pushed that the registry did not have. */
export type Watched = { runner: Runner; temporary: string; heapFile: string; newImages: () => number };

/** Bytes that a registry needs for a new revision of an image: configuration, manifest, links, a layer of one small file. */
const NEW_IMAGE = 48 * 1024;
/** Of a revision in a mirror: a pack, its index, a ref. A mirror keeps the newest revisions. */
const REVISION_FILES = 3;
const KEPT_REVISIONS = 50;
const MB = 1_000_000;

export async function takeSample({ runner, temporary, heapFile, newImages }: Watched): Promise<Sample> {
  const heap = await heapOf(runner.pid, heapFile);
  const status = await readFile(`/proc/${runner.pid}/status`, 'utf8');
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1]);
  const descriptors = await descriptorsOf(runner.pid);
  const disk = await usage(runner.data);
  const registry = (await usage(join(lab('LAB_GIT_ROOT'), '..', 'registry'))).bytes;
  return {
    rss: (number('VmRSS') * 1024) / MB,
    heap: heap / MB,
    descriptors: descriptors.length,
    sockets: descriptors.filter((target) => target.startsWith('socket:')).length,
    threads: number('Threads'),
    children: await childrenOf(runner.pid),
    ...(await engineCounts()),
    memoryFiles: (await readdir('/dev/shm')).filter((name) => name.includes(`-${runner.pid}-`)).length,
    temporaryFiles: (await readdir(temporary)).length,
    scratch: (await readdir(join(runner.data, 'scratch')).catch(() => [])).length,
    files: disk.files - REVISION_FILES * Math.min(newImages(), KEPT_REVISIONS),
    data: disk.bytes / MB,
    registry: (registry - newImages() * NEW_IMAGE) / MB,
  };
}

async function heapOf(pid: number, file: string): Promise<number> {
  await rm(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return Number(text);
    await setTimeout(20);
  }
}

async function descriptorsOf(pid: number): Promise<string[]> {
  const names = await readdir(`/proc/${pid}/fd`);
  return Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
}

async function childrenOf(pid: number): Promise<number> {
  const lists = (await readdir(`/proc/${pid}/task`)).map((task) =>
    readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => ''),
  );
  return (await Promise.all(lists)).join(' ').split(' ').filter(Boolean).length;
}

async function engineCounts(): Promise<Pick<Sample, 'containers' | 'images' | 'volumes' | 'engine'>> {
  const df = (await docker.df()) as {
    LayersSize: number;
    Images: { RepoTags: string[] | null }[] | null;
    Containers: unknown[] | null;
    Volumes: { UsageData?: { Size: number } }[] | null;
    BuildCache: { Size: number }[] | null;
  };
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + Math.max(size, 0), 0);
  const volumes = df.Volumes ?? [];
  const caches = sum((df.BuildCache ?? []).map(({ Size }) => Size));
  return {
    containers: df.Containers?.length ?? 0,
    images: (df.Images ?? []).filter(({ RepoTags }) => RepoTags?.some((tag) => tag !== '<none>:<none>'))
      .length,
    volumes: volumes.length,
    engine: (df.LayersSize + caches + sum(volumes.map(({ UsageData }) => UsageData?.Size ?? 0))) / MB,
  };
}

/** Files below a directory, and the disk that they take. What goes away meanwhile does not count. */
async function usage(directory: string): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0];
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (found === undefined) continue;
    files++;
    bytes += found.blocks * 512;
  }
  return { files, bytes };
}
