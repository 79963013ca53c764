import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** Removes the control groups `cgroup`, which have no process any more, from all hierarchies (cgroups(7), versions 1 and 2). */
export async function removeGroups(cgroup: string): Promise<void> {
  const hierarchies = await readdir(ROOT).catch(() => []);
  for (const place of [ROOT, ...hierarchies.map((name) => join(ROOT, name))])
    await removeGroup(place + cgroup);
}

// A group's files cannot be removed, and go with it: only directories, the innermost first.
async function removeGroup(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(directory, entry.name));
  await rmdir(directory).catch(() => undefined);
}
