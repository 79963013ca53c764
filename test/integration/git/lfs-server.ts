import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { lab, type Repository } from './lab.js';
import { httpServer, proxyToLab } from './servers.js';

/** A Git LFS server (batch API, basic transfer: docs/api of git-lfs) in front of the git server of the lab. */
export type LfsServer = {
  origin: string;
  /** Keeps content, and gives the pointer file's text. */
  add(content: string | Buffer): string;
  objects: Map<string, Buffer>;
  /** `METHOD PATH` of what concerned LFS, with what was shown as a login. */
  requests: { what: string; authorization: string | undefined }[];
};

export type LfsKnobs = {
  /** Answers each batch with this status and message. */
  status?: number;
  message?: string;
  /** Never answers. */
  hangs?: boolean;
};

const BASIC = `Basic ${Buffer.from(`${lab.username}:${lab.token.reveal()}`).toString('base64')}`;
const TYPE = { 'content-type': 'application/vnd.git-lfs+json' };

export async function createLfsServer(knobs: LfsKnobs = {}): Promise<LfsServer> {
  const objects = new Map<string, Buffer>();
  const requests: LfsServer['requests'] = [];
  const toLab = proxyToLab();
  const port = await httpServer((request, response) => {
    const url = request.url ?? '';
    const isLfs = url.includes('/info/lfs/') || url.startsWith('/objects/');
    if (!isLfs) return toLab(request, response);
    const { authorization } = request.headers;
    requests.push({ what: `${request.method} ${url}`, authorization });
    if (knobs.hangs) return;
    if (url.startsWith('/objects/')) return download(request, response, objects);
    void batch(request, response, { ...knobs, objects, origin });
  });
  const origin = `http://127.0.0.1:${port}`;
  return { origin, objects, requests, add: (content) => add(objects, Buffer.from(content as Buffer)) };
}

function add(objects: Map<string, Buffer>, content: Buffer): string {
  const oid = createHash('sha256').update(content).digest('hex');
  objects.set(oid, content);
  return pointer(oid, content.length);
}

export function pointer(oid: string, size: number): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`;
}

type Batch = LfsKnobs & { objects: Map<string, Buffer>; origin: string };

async function batch(request: IncomingMessage, response: ServerResponse, lfs: Batch): Promise<void> {
  const text = (await request.toArray()).join('');
  if (lfs.status !== undefined) {
    response.writeHead(lfs.status, TYPE).end(JSON.stringify({ message: lfs.message }));
    return;
  }
  const isPrivate = request.url?.startsWith('/private/') === true;
  const { authorization } = request.headers;
  if (isPrivate && authorization !== BASIC && authorization !== 'RemoteAuth ticket') {
    response.writeHead(401, { ...TYPE, 'www-authenticate': 'Basic realm="lfs"' }).end('{"message":"who?"}');
    return;
  }
  const { objects: wanted } = JSON.parse(text) as { objects: { oid: string; size: number }[] };
  const answers = wanted.map((object) =>
    lfs.objects.has(object.oid)
      ? { ...object, authenticated: true, actions: { download: action(lfs.origin, object.oid) } }
      : { ...object, error: { code: 404, message: 'Object does not exist' } },
  );
  response.writeHead(200, TYPE).end(JSON.stringify({ transfer: 'basic', objects: answers }));
}

const action = (origin: string, oid: string) => ({
  href: `${origin}/objects/${oid}`,
  header: { authorization: 'Bearer for-this-object' },
});

function download(request: IncomingMessage, response: ServerResponse, objects: Map<string, Buffer>): void {
  const content = objects.get(request.url?.slice('/objects/'.length) ?? '');
  const isAllowed = request.headers.authorization === 'Bearer for-this-object';
  response
    .writeHead(!isAllowed ? 403 : content === undefined ? 404 : 200)
    .end(isAllowed ? content : undefined);
}

export const lfsUrl = (area: 'private' | 'public', { origin }: LfsServer, { name }: Repository): string =>
  `${origin}/${area}/${name}.git`;
