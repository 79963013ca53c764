import { Failure } from './model/errors.js';
import { stepNames, type StepName } from './model/events.js';
import { LONGEST_TIMER, parseDuration, parseSize } from './model/quantity.js';

export type Address = { host: string; port: number };

// As sshd(8) has them: [@marker] hosts type key [comment].
export function checkKnownHosts(text: string): string {
  const lines = text.split(/\r?\n/);
  const wrong = lines.findIndex(
    (line) => !/^\s*(?:#.*)?$|^\s*(?:@\S+\s+)?\S+\s+(?:ssh|ecdsa|sk)-\S+\s+[A-Za-z0-9+/=]+/.test(line),
  );
  if (wrong < 0) return text;
  throw invalid(`${variable('known-hosts')}: line ${wrong + 1} is not 'host type key'`);
}

export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535)
    throw invalid(`${variable('ssh-address')} is '${text}', write it like 0.0.0.0:2222 or [::]:2222`);
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}

type Range = { least: number; most?: number };

export function count(key: string, text: string, { least, most = 100_000 }: Range): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw invalid(
    `${variable(key)} is '${text}', it must be a whole number of at least ${least} and at most ${most}`,
  );
}

export function duration(key: string, text: string): number {
  const ms = quantity(key, text, parseDuration);
  if (ms >= 1 && ms <= LONGEST_TIMER) return ms;
  throw invalid(`${variable(key)} is '${text}', it must be more than 0 and at most 24d`);
}

/** Engines take no less for a container (moby, daemon/daemon_unix.go). */
const LEAST_MEMORY = 6 * 2 ** 20;

export function memory(key: string, text: string): number {
  const bytes = quantity(key, text, parseSize);
  if (bytes >= LEAST_MEMORY) return bytes;
  throw invalid(`${variable(key)} is '${text}', it must be at least 6m`);
}

/** `source=30m,push=1h` */
export function stepTimeouts(text: string): Partial<Record<StepName, number>> {
  const limits: Partial<Record<StepName, number>> = {};
  for (const part of text.split(',').map((word) => word.trim())) {
    const [, name = '', time = ''] = /^([a-z]+)\s*=\s*(\S+)$/.exec(part) ?? [];
    const step = stepNames.find((known) => known === name);
    if (step === undefined || step in limits) {
      const why = step === undefined ? 'is not STEP=TIME' : 'stands there twice';
      const hint = `write it like source=30m,push=1h; the steps are ${stepNames.join(', ')}`;
      throw new Failure('CONFIG_INVALID', `${variable('step-timeouts')}: '${part}' ${why}`, { hint });
    }
    limits[step] = duration('step-timeouts', time);
  }
  return limits;
}

export function quantity(key: string, text: string, parse: (text: string) => number): number {
  try {
    return parse(text);
  } catch (error) {
    throw invalid(`${variable(key)}: ${(error as Failure).message}`);
  }
}

export function cpus(text: string): number {
  const value = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && value > 0) return value;
  throw invalid(`${variable('build-cpus')} is '${text}', write it like 2 or 0.5`);
}

export function jsonObject(key: string, text: string): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document === 'object' && document !== null && !Array.isArray(document))
      return document as Record<string, unknown>;
  } catch {
    // not even JSON
  }
  throw invalid(`${variable(key)} is not a JSON object; to read it from a file, use ${variable(key)}_FILE`);
}

export function pageUrl(text: string): string {
  // Without a password, which all who are notified would see. The id is in what follows the host.
  const isPage = /^https?:\/\/[^\s\p{Cc}@{}/?#]+[/?#][^\s\p{Cc}]*$/u.test(text);
  if (isPage && text.includes('{id}') && URL.canParse(text)) return text;
  throw invalid(`${variable('public-url')} is '${text}', write it like https://ci.example.com/builds/{id}`);
}

export function variable(key: string): string {
  return `BUILDBOT_${key.toUpperCase().replaceAll('-', '_')}`;
}

export function invalid(message: string): Failure {
  return new Failure('CONFIG_INVALID', message);
}
