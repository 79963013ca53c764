import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.js';
import type { World } from './world.js';

/** Where all images of the benchmark go: names below it are nobody else's. */
export const imagesOf = ({ registry }: World) => `${registry}/bench`;

/**
 * Cold: no build cache, no image but the base images, nothing of the benchmark's in the registry, no dirty pages that
 * others would have to write.
 */
export async function chill(world: World): Promise<void> {
  const docker = (...words: string[]) => run('docker', words, { environment: world.environment });
  const ours = (await docker('images', '--quiet', '--no-trunc', `${imagesOf(world)}/*`))
    .split('\n')
    .filter(Boolean);
  if (ours.length > 0) await docker('rmi', '--force', ...new Set(ours));
  await docker('image', 'prune', '--force');
  await docker('builder', 'prune', '--all', '--force');
  await emptyRegistry();
  await settle();
}

export const settle = () => run('sync', []);

async function emptyRegistry(): Promise<void> {
  const lab = process.env.BUILDBOT_LAB!;
  await rm(join(lab, 'registry/docker/registry/v2/repositories/bench'), { recursive: true, force: true });
  await run('docker-registry', ['garbage-collect', join(lab, 'registry.yml')]);
}
