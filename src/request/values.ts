import { z } from 'zod';
import { Failure } from '../model/errors.js';
import { OWN_HOSTS } from '../model/own-hosts.js';
import { bucketName, containerPath, keyPrefix, pathComponents } from '../model/paths.js';
import { parseDuration } from '../model/quantity.js';
import { checkTag, formatReference, parseReference } from '../model/reference.js';
import type { PublishSpec } from '../model/project.js';
import { shown } from '../model/shown.js';
import type { CacheSource, SecretMount, Ulimit } from '../model/request.js';

/** Values of single flags: text → checked value. Each throws a Failure that names the flag, the value and what is accepted. */

/** A name for --image. Throws Failure USAGE. */
export function imageName(text: string): string {
  const reference = parseReference(text);
  if (reference.tag === undefined && reference.digest === undefined) return formatReference(reference);
  throw new Failure('USAGE', `'${text}' holds a tag`, { hint: 'give the tag with --tag' });
}

export function imageTag(text: string): string {
  if (!text.includes('/') && !text.includes(':')) return checkTag(text);
  const reference = parseReference(text);
  if (reference.digest !== undefined)
    throw new Failure('USAGE', `'${text}' holds a digest`, { hint: 'a tag cannot be pushed by digest' });
  return formatReference({ ...reference, tag: reference.tag ?? 'latest' });
}

export function pairs(flag: string, values: readonly string[]): Map<string, string> {
  return new Map(
    values.map((value) => {
      const at = value.indexOf('=');
      // As docker has it: a label without a value is an empty one.
      if (at < 0 && flag === 'label') return [value, ''];
      if (at <= 0)
        throw wrong(flag, value, 'write it like NAME=value; the environment of the caller is not taken over');
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );
}

export function secretMount(value: string): SecretMount {
  const fields = new Map(value.split(',').map((field) => field.split(/=(.*)/s, 2) as [string, string]));
  const [id, name] = [fields.get('id'), fields.get('env') ?? fields.get('id')];
  const unknown = [...fields.keys()].find((key) => !['id', 'env', 'type'].includes(key));
  if (id && name && unknown === undefined) return { id, name };
  throw wrong('secret', value, 'write it like id=NAME, where secrets.NAME is in the credentials document');
}

const ADDRESS = z.union([z.ipv4(), z.ipv6()]);

export function addHost(value: string): string {
  const [, name = '', place = ''] = /^([\w.-]+)[:=](.+)$/.exec(value) ?? [];
  const address = place.replace(/^\[(.*)\]$/, '$1');
  if (address !== 'host-gateway' && !ADDRESS.safeParse(address).success)
    throw wrong('add-host', value, 'write it like db.example:10.0.0.7');
  if (name.toLowerCase().replace(/\.$/, '').endsWith(OWN_HOSTS))
    throw wrong('add-host', value, `names that end in ${OWN_HOSTS} are the runner's own`);
  return `${name}:${address}`;
}

/** Of setrlimit(2), as Docker spells them (docker/go-units, ulimit.go). */
const ULIMITS: ReadonlySet<string> = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  ),
);

export function ulimit(value: string): Ulimit {
  const match = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(value);
  if (!match) throw wrong('ulimit', value, 'write it like nofile=1024:2048');
  const [, name = '', soft, hard = soft] = match;
  const limit = { name, soft: Number(soft), hard: Number(hard) };
  if (!ULIMITS.has(name)) throw wrong('ulimit', value, `it knows ${[...ULIMITS].join(', ')}`);
  if (![limit.soft, limit.hard].every(Number.isSafeInteger)) throw wrong('ulimit', value, 'give less');
  if (limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard))
    throw wrong('ulimit', value, 'the first limit is not above the second');
  return limit;
}

export function cacheSource(value: string): CacheSource {
  const { type, ref } = cacheFields('cache-from', value);
  if (type !== 'registry' || ref === undefined)
    throw wrong('cache-from', value, 'write it like type=registry,ref=registry.example/app:cache');
  return { kind: 'registry', ref: flagged('cache-from', () => parseReference(ref)) };
}

export function cacheTarget(value: string): string {
  const { type } = cacheFields('cache-to', value);
  if (type === 'inline') return type;
  if (type === 'registry')
    throw new Failure('NOT_SUPPORTED', `--cache-to '${value}' is not supported yet`, {
      hint: 'use type=inline',
    });
  throw wrong('cache-to', value, 'it takes type=inline');
}

function cacheFields(flag: string, value: string): { type?: string; ref?: string } {
  if (!value.includes('=')) return { type: 'registry', ref: value };
  const fields = Object.fromEntries(
    value.split(',').map((field) => field.split(/=(.*)/s, 2) as [string, string]),
  );
  const unknown = Object.keys(fields).find((key) => !['type', 'ref', 'mode'].includes(key));
  if (unknown !== undefined) throw wrong(flag, value, `'${unknown}' is not a field of it`);
  return fields;
}

/** `s3://BUCKET/PREFIX=PATH` */
export function publishTarget(value: string): PublishSpec {
  const match = /^s3:\/\/([^/=]+)(?:\/([^=]*))?=(.*)$/.exec(value);
  if (!match) throw wrong('publish', value, 'write it like s3://bucket/prefix=/path/in/the/image');
  const [, bucket = '', prefix = '', copy = ''] = match;
  return flagged('publish', () => {
    return {
      to: 's3',
      bucket: bucketName(bucket),
      bucketPath: keyPrefix(prefix),
      copy: containerPath(copy),
    };
  });
}

export function positiveDuration(flag: string, value: string): number {
  const ms = flagged(flag, () => parseDuration(value));
  if (ms > 0 && Number.isSafeInteger(ms)) return ms;
  throw wrong(flag, value, ms > 0 ? 'give less' : 'give more than 0');
}

export function insidePath(flag: string, value: string): string {
  if (value.startsWith('/')) throw wrong(flag, value, 'give a path inside the source');
  return flagged(flag, () => pathComponents(value)).join('/');
}

export function matching(flag: string, value: string, accepted: { pattern: RegExp; hint: string }): string {
  if (accepted.pattern.test(value)) return value;
  throw wrong(flag, value, accepted.hint);
}

export function flagged<T>(flag: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Failure)
      throw new Failure(error.code, `--${flag}: ${error.message}`, { hint: error.hint });
    throw error;
  }
}

export function wrong(flag: string, value: string, hint: string): Failure {
  return new Failure('USAGE', `--${flag} '${shown(value)}' cannot be used`, { hint });
}
