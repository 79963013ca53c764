import mime from 'mime';

/** What a browser is told, by the extension of the key. The slash: without one mime takes a bare `html` for an extension. */
export function contentType(key: string): string {
  return mime.getType(`/${key}`) ?? 'application/octet-stream';
}
