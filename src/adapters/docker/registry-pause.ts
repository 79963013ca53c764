import { DOCKER_HUB } from '../../model/reference.js';
import { retryAfter } from '../retry-after.js';

/** Milliseconds that a registry has to answer whether it may be asked again. */
export const PATIENCE = 3_000;
/** For how long a push is turned away, in the engine's words: it keeps the answer's head, and with it Retry-After, to itself. */
const TURNED_AWAY = /(?:^|: )(?:toomanyrequests|unavailable)(?:: |$)|unexpected HTTP status:? (?:429|503)\b/;

/**
 * Milliseconds that the registry wants to be left alone, after a push failed with `message`: it is asked once more, as anybody and for
 * nothing but that. 0: it does not say, or cannot be reached from here. Never rejects.
 */
export async function registryPause(registry: string, message: string, signal: AbortSignal): Promise<number> {
  if (!TURNED_AWAY.test(message)) return 0;
  const host = registry === DOCKER_HUB ? 'registry-1.docker.io' : registry;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  // Which registries speak plain HTTP is the engine's business; nothing secret is sent.
  for (const scheme of ['https', 'http']) {
    const answer = await ask(`${scheme}://${host}/v2/`, deadline);
    if (answer !== undefined) return retryAfter(answer, new Date());
  }
  return 0;
}

/** The header, empty where there is none; undefined: no answer. */
async function ask(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { headers, body } = await fetch(url, { signal, redirect: 'manual' });
    await body?.cancel();
    return headers.get('retry-after') ?? '';
  } catch {
    return undefined;
  }
}
