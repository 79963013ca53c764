import { gunzipSync } from 'node:zlib';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
type Manifest = { layers: { digest: string }[] };

/** The digest that the registry has for a reference, or nothing. */
export async function servedDigest(reference: string): Promise<string | undefined> {
  const response = await ask(reference, 'manifests', reference.slice(reference.lastIndexOf(':') + 1));
  await response.arrayBuffer();
  return response.headers.get('docker-content-digest') ?? undefined;
}

/** Rejects unless the registry has the image under this digest, and the image is of the revision with this mark. */
export async function checkPushed(reference: string, digest: string, mark: string): Promise<void> {
  const served = await servedDigest(reference);
  if (served !== digest) throw new Error(`${reference} is ${served ?? 'not there'}, not ${digest}`);
  const manifest = (await (await ask(reference, 'manifests', digest)).json()) as Manifest;
  const layer = await ask(reference, 'blobs', manifest.layers.at(-1)!.digest);
  const files = gunzipSync(Buffer.from(await layer.arrayBuffer()));
  if (!files.includes(mark)) throw new Error(`${reference}: the last layer has no '${mark}'`);
}

function ask(reference: string, kind: 'manifests' | 'blobs', name: string): Promise<Response> {
  const [, host, repository] = /^([^/]+)\/(.+):[^:]+$/.exec(reference)!;
  return fetch(`http://${host}/v2/${repository}/${kind}/${name}`, { headers: { accept: MANIFEST } });
}
