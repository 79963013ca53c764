import { randomBytes } from 'node:crypto';
import type { Credentials } from '../model/credentials.js';
import { Failure } from '../model/errors.js';
import { cachePath, containerPath } from '../model/paths.js';
import { LONGEST_TIMER, parseSize } from '../model/quantity.js';
import { parseReference } from '../model/reference.js';
import type {
  BuildPolicy,
  BuildRequest,
  ContextRequest,
  DeliveryRequest,
  ImageRequest,
  OnDisconnect,
  SecretMount,
} from '../model/request.js';
import { allRights } from '../model/rights.js';
import type { FlagValues } from './parse.js';
import { sourceRequest } from './source.js';
import {
  addHost,
  cacheSource,
  cacheTarget,
  flagged,
  imageName,
  imageTag,
  insidePath,
  matching,
  pairs,
  positiveDuration,
  publishTarget,
  secretMount,
  ulimit,
  wrong,
} from './values.js';

/** What a request has beside its flags. `context` is what `--context -` means. */
type Lent = Partial<Pick<BuildRequest, 'goal' | 'rights'>> & { context?: Omit<ContextRequest, 'kind'> };

/** Flags of `build` and what the caller lends → a request whose every value has been checked. Throws Failure USAGE or NOT_SUPPORTED. */
export function toBuildRequest(
  flags: FlagValues,
  credentials: Credentials,
  { goal = 'build', rights = allRights, context }: Lent = {},
): BuildRequest {
  const request = {
    id: buildId(flags.one('id')),
    goal,
    projects: flags.all('project'),
    ...optional('serviceId', flags.one('service-id'), (value) => value),
    source: sourceRequest(flags, context),
    image: imageRequest(flags),
    delivery: deliveryRequest(flags),
    policy: buildPolicy(flags),
    credentials,
    rights,
  };
  checkSecrets(request.image.secrets, credentials);
  checkAgent(request);
  return request;
}

function buildId(given: string | undefined): string {
  if (given === undefined) return randomBytes(6).toString('hex');
  if (/^[A-Za-z0-9._-]{1,64}$/.test(given)) return given;
  throw wrong('id', given, 'use 1 to 64 letters, digits, . _ and -');
}

function imageRequest(flags: FlagValues): ImageRequest {
  return {
    ...optional('contextPath', flags.one('context-path'), (value) => insidePath('context-path', value)),
    ...optional('file', flags.one('file'), (value) => insidePath('file', value)),
    ...optional('target', flags.one('target'), (value) =>
      matching('target', value, { pattern: /^[\w.-]+$/, hint: 'it names a stage of the Dockerfile' }),
    ),
    ...optional('platform', flags.one('platform'), (value) =>
      matching('platform', value, {
        pattern: /^(?:linux|windows)\/[a-z0-9_]+(?:\/v?[0-9.]+)?$/,
        hint: 'write it like linux/arm64; one platform at a time',
      }),
    ),
    buildArgs: pairs('build-arg', flags.all('build-arg')),
    labels: pairs('label', flags.all('label')),
    secrets: flags.all('secret').map(secretMount),
    noCache: flags.switch('no-cache'),
    pull: flags.switch('pull'),
    ...optional('network', flags.one('network'), (value) =>
      matching('network', value, {
        pattern: /^(?:default|none|host)$/,
        hint: 'it takes default, none, host',
      }),
    ),
    addHosts: flags.all('add-host').map(addHost),
    ...optional('shmSize', flags.one('shm-size'), (value) => flagged('shm-size', () => parseSize(value))),
    ulimits: flags.all('ulimit').map(ulimit),
    cacheFrom: flags.all('cache-from').map(cacheSource),
    inlineCache: flags.all('cache-to').map(cacheTarget).includes('inline'),
    ...(flags.one('ssh') !== undefined && { ssh: true as const }),
    ...builderRequest(flags),
    tests: flags.all('test'),
    publish: flags.all('publish').map(publishTarget),
  };
}

function builderRequest(flags: FlagValues): Pick<ImageRequest, 'builder'> {
  const [image, command, extract] = ['builder-image', 'builder-command', 'extract'].map((name) =>
    flags.one(name),
  );
  const cache = flags.all('builder-cache').map((path) => flagged('builder-cache', () => cachePath(path)));
  if (image === undefined) {
    const stray = ['builder-command', 'extract', 'builder-cache'].find((name) => flags.all(name).length > 0);
    if (stray !== undefined)
      throw new Failure('USAGE', `--${stray} needs --builder-image`, {
        hint: 'name the image that the builder runs in',
      });
    return {};
  }
  if (command === undefined)
    throw new Failure('USAGE', '--builder-image needs --builder-command', { hint: 'say what runs in it' });
  flagged('builder-image', () => parseReference(image));
  const path = extract === undefined ? '/project' : flagged('extract', () => containerPath(extract));
  return { builder: { kind: 'image', image, command, extract: path, cache: [...new Set(cache)] } };
}

function deliveryRequest(flags: FlagValues): DeliveryRequest {
  const image = flags.one('image');
  const retries = flags.one('push-retry') ?? '5';
  if (!/^\d{1,2}$/.test(retries)) throw wrong('push-retry', retries, 'give a number from 0 to 99');
  return {
    ...(image !== undefined && { image: flagged('image', () => imageName(image)) }),
    tags: flags.all('tag').map((tag) => flagged('tag', () => imageTag(tag))),
    push: !flags.switch('no-push'),
    pushRetries: Number(retries),
  };
}

function buildPolicy(flags: FlagValues): BuildPolicy {
  return {
    ...optional('timeout', flags.one('timeout'), (value) => positiveDuration('timeout', value)),
    onDisconnect: onDisconnect(flags.one('on-disconnect') ?? 'cancel'),
    onFailure: flags.one('on-failure') === 'shell' ? 'shell' : 'exit',
  };
}

function onDisconnect(given: string): OnDisconnect {
  if (given === 'cancel' || given === 'detach') return { kind: given };
  const [, time] = /^grace=(.+)$/.exec(given) ?? [];
  if (time !== undefined) {
    // No build lasts longer.
    return { kind: 'grace', ms: Math.min(positiveDuration('on-disconnect', time), LONGEST_TIMER) };
  }
  throw wrong('on-disconnect', given, 'it takes cancel, detach, grace=60s');
}

function checkAgent({ image, credentials, rights }: BuildRequest): void {
  if (!image.ssh || credentials.agent) return;
  if (rights.noAgent) {
    throw new Failure(
      'DENIED',
      "your key may not lend an agent to --ssh 'default': its line has restrict or no-agent-forwarding",
    );
  }
  throw new Failure('USAGE', "--ssh 'default' needs your ssh-agent, and none came with the request", {
    hint: 'connect with ssh -A',
  });
}

function checkSecrets(mounts: readonly SecretMount[], { secrets }: Credentials): void {
  const missing = mounts.find(({ name }) => !secrets.has(name));
  if (missing)
    throw wrong('secret', `id=${missing.name}`, `the credentials document has no secrets.${missing.name}`);
}

function optional<K extends string, T, V>(
  key: K,
  value: T | undefined,
  parse: (value: T) => V,
): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: parse(value) }) as { [P in K]?: V };
}
