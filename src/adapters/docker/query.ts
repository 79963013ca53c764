import type { ImageSpec } from '../../ports.js';
import { formatReference } from '../../model/reference.js';

/** The parameters of `POST /build` that both builders understand. */
export function buildQuery({ tag, options }: ImageSpec, dockerfileName: string): Record<string, unknown> {
  const query: Record<string, unknown> = {
    t: tag,
    dockerfile: dockerfileName,
    buildargs: JSON.stringify(Object.fromEntries(options.buildArgs)),
    labels: JSON.stringify(Object.fromEntries(options.labels)),
    extrahosts: options.addHosts,
    cachefrom: JSON.stringify(options.cacheFrom.map(({ ref }) => formatReference(ref))),
    rm: '1',
    forcerm: '1',
  };
  if (options.target !== undefined) query['target'] = options.target;
  if (options.platform !== undefined) query['platform'] = options.platform;
  if (options.network !== undefined) query['networkmode'] = options.network;
  if (options.noCache) query['nocache'] = '1';
  if (options.pull) query['pull'] = '1';
  if (options.shmSize !== undefined) query['shmsize'] = String(options.shmSize);
  if (options.ulimits.length > 0) {
    const ulimits = options.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }));
    query['ulimits'] = JSON.stringify(ulimits);
  }
  return query;
}

/** The Dockerfile's name as a path inside the context, whatever the caller called it. */
export function dockerfilePath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') || parts.length === 0
    ? parts.at(-1)?.replace('..', '') || 'Dockerfile'
    : parts.join('/');
}
