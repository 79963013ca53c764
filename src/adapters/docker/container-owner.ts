import { Failure } from '../../model/errors.js';
import { type Connection, requestJson } from './connection.js';
import { readArchive } from './container-archive.js';
import type { Owner } from './tar-pack.js';

/** Bytes of a user database that are read. */
const MOST = 2 ** 20;

/**
 * Who runs in a container that has not been started: the user of its image, `USER[:GROUP]`, names looked up in its own /etc/passwd and
 * /etc/group as the engine does. Undefined: root, or a name that is not there, which the engine refuses when the container starts.
 */
export async function ownerOf(
  connection: Connection,
  container: string,
  signal: AbortSignal,
): Promise<Owner | undefined> {
  const path = `/containers/${container}/json`;
  const { Config } = await requestJson<{ Config: { User?: string } }>(connection, {
    method: 'GET',
    path,
    signal,
  });
  const [user = '', group] = (Config.User ?? '').split(':', 2);
  if (user === '' || user === 'root' || user === '0') return undefined;
  const database = (file: string) => readDatabase(connection, { container, path: file }, signal);
  const account = lookUp(await database('/etc/passwd'), user);
  const uid = numberOf(user) ?? numberOf(account?.[2]);
  if (uid === undefined) return undefined;
  if (!group) return { uid, gid: numberOf(account?.[3]) ?? 0 };
  const gid = numberOf(group) ?? numberOf(lookUp(await database('/etc/group'), group)?.[2]);
  return gid === undefined ? undefined : { uid, gid };
}

// The fields of a user's line, found by name or number (passwd(5), group(5)).
function lookUp(text: string, who: string): string[] | undefined {
  const lines = text.split('\n').map((line) => line.split(':'));
  return lines.find(([name]) => name === who) ?? lines.find((fields) => fields[2] === who);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 ? Number(text) : undefined;
}

async function readDatabase(
  connection: Connection,
  where: { container: string; path: string },
  signal: AbortSignal,
): Promise<string> {
  let text = '';
  try {
    for await (const { chunks = [] } of readArchive(connection, where, { signal })) {
      for await (const chunk of chunks) {
        if (text.length < MOST) text += Buffer.from(chunk).toString('latin1');
      }
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'EXTRACT_NOT_FOUND') throw error;
  }
  return text;
}
