import { z } from 'zod';
import type { PublishSpec } from '../../model/project.js';
import { command } from './command.js';
import { closed, named, text } from './fields.js';
import { keyPrefix } from './paths.js';
import { inContainer } from './places.js';

const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

/** One item of `publish`. */
export const publish = closed("a map of 'to', 'copy' and 'bucket'", {
  to: z.literal('s3', { error: 's3' }).describe('where to'),
  copy: inContainer.describe('file or directory in the new image'),
  bucket: text('the name of a bucket', named("bucket's name", BUCKET)).describe("the bucket's name"),
  bucketPath: text('a prefix, like assets/v1', keyPrefix)
    .optional()
    .describe('prefix of the keys; default: none'),
  command: command.optional().describe('runs in a container of the image first; what it leaves is published'),
}).transform(({ command, bucketPath = '', ...rest }): PublishSpec => {
  return { ...rest, bucketPath, ...(command !== undefined && { command }) };
});
