import { z } from 'zod';
import { bucketName, keyPrefix } from '../../model/paths.js';
import type { PublishSpec } from '../../model/project.js';
import { command } from './command.js';
import { closed, text } from './fields.js';
import { inContainer } from './places.js';

/** One item of `publish`. */
export const publish = closed("a map of 'to', 'copy' and 'bucket'", {
  to: z.literal('s3', { error: 's3' }).describe('where to'),
  copy: inContainer.describe('file or directory in the new image'),
  bucket: text('the name of a bucket', bucketName).describe("the bucket's name"),
  bucketPath: text('a prefix, like assets/v1', keyPrefix)
    .optional()
    .describe('prefix of the keys; default: none'),
  command: command.optional().describe('runs in a container of the image first; what it leaves is published'),
}).transform(({ command, bucketPath = '', ...rest }): PublishSpec => {
  return { ...rest, bucketPath, ...(command !== undefined && { command }) };
});
