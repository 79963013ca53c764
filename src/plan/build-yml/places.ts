import { cachePath, containerPath } from '../../model/paths.js';
import { text } from './fields.js';
import { repositoryDirectory, repositoryFile } from './paths.js';

export const directory = text("a directory of the source, like 'server'", repositoryDirectory);
export const file = text("a file's name, like Dockerfile.build", repositoryFile);
export const inContainer = text('an absolute path in the container, like /src', containerPath);
export const cacheInContainer = text('an absolute path in the container, like /src', cachePath);
