// Loaded into the runner: at SIGUSR2 it collects garbage and writes down how much is left.
const { renameSync, writeFileSync } = require('node:fs');
const v8 = require('node:v8');
const vm = require('node:vm');

const file = process.env.SOAK_HEAP;
delete process.env.SOAK_HEAP;
delete process.env.NODE_OPTIONS;
v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

process.on('SIGUSR2', () => {
  collect();
  writeFileSync(`${file}.new`, String(process.memoryUsage().heapUsed));
  renameSync(`${file}.new`, file);
});
