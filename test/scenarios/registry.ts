import { lab } from '../lab/environment.js';

/** What a registry serves for a tag: the digest of its manifest, or undefined. */
export async function servedDigest(reference: string, login = false): Promise<string | undefined> {
  const [, host, repository, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference)!;
  const basic = Buffer.from(`${lab('LAB_AUTH_USERNAME')}:${lab('LAB_AUTH_PASSWORD')}`).toString('base64');
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'HEAD',
    headers: {
      accept: 'application/vnd.docker.distribution.manifest.v2+json',
      ...(login && { authorization: `Basic ${basic}` }),
    },
  });
  return response.ok ? (response.headers.get('docker-content-digest') ?? undefined) : undefined;
}
