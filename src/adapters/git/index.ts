export { createGitSource, type GitSourceOptions } from './source.js';
