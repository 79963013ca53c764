/** Key of the file at `path` below `prefix`, as it is: no slash in front, none twice. An empty path names the prefix itself. */
export function objectKey(prefix: string, path: string): string {
  const segments = `${prefix}/${path}`.split('/').filter((segment) => segment !== '');
  return segments.length === 0 ? '' : `${segments.join('/')}${path === '' ? '/' : ''}`;
}

/** `s3://bucket/key` on one line, whatever the key holds. */
export function shownUrl(bucket: string, key: string): string {
  return `s3://${bucket}/${key}`.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}
