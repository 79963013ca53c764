import { Failure } from './errors.js';
import { shown } from './shown.js';

/** Paths as flags and build.yml write them, → their one spelling. Each throws a Failure USAGE that says what is wrong. */

/** The parts of a path, without `.` and what is empty. A `..` is refused. */
export function pathComponents(text: string): string[] {
  if (/\p{Cc}/u.test(text)) throw unfit(text, 'holds a control character');
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unfit(text, "must not hold '..'");
  return parts;
}

/** A path in a container: absolute. */
export function containerPath(text: string): string {
  if (!text.startsWith('/')) throw unfit(text, 'must be absolute: it is a path in the container');
  return `/${pathComponents(text).join('/')}`;
}

/** What the engine mounts in each container itself, and refuses a volume for or hides below it. */
const ENGINES = ['/proc', '/sys', '/dev', '/run/secrets'];
/** Where the source is, and what must not be a volume: the next build would find the files of this one among its own. */
const TAKEN = ['/', '/project', '/run', '/var/run'];

/** A directory in a container that can be a volume of its own. */
export function cachePath(text: string): string {
  const path = containerPath(text);
  if (!TAKEN.includes(path) && !ENGINES.some((own) => `${path}/`.startsWith(`${own}/`))) return path;
  const all = [...TAKEN, ...ENGINES];
  throw unfit(text, `cannot be a cache: ${all.slice(0, -1).join(', ')} and ${all.at(-1)} have another use`);
}

/** A key prefix of a bucket, without slashes at its ends; may be empty. */
export function keyPrefix(text: string): string {
  return pathComponents(text).join('/');
}

/** Old buckets and stores other than Amazon's have longer names than its present rules allow, with capitals and underscores. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

/** The name of a bucket. */
export function bucketName(text: string): string {
  if (BUCKET.test(text)) return text;
  throw unfit(text, `is no bucket's name; it must match ${BUCKET.source}`);
}

function unfit(text: string, why: string): Failure {
  return new Failure('USAGE', `'${shown(text, 60)}' ${why}`);
}
