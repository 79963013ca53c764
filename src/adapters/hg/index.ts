export { createHgSource, type HgSourceOptions } from './source.js';
