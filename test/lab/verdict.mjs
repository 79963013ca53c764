/**
 * verdict.mjs DIRECTORY: what the checks say that left there their exit code (NAME) and, those of vitest, their report (NAME.json). Last in
 * the log: each failure with the head of its message, then the line `N passed, N failed`. A check that failed and names no test is a
 * failure too, and so is a run without tests.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const MESSAGE_LINES = 15;

const directory = process.argv[2];
const names = readdirSync(directory).filter((name) => !name.endsWith('.json'));
const checks = names.map((name) => ({ name, code: textOf(name).trim(), suites: suitesOf(`${name}.json`) }));
const tests = checks.flatMap(({ suites }) => suites).flatMap(({ assertionResults }) => assertionResults);
const passed = tests.filter(({ status }) => status === 'passed').length;
const failures = checks.flatMap(failuresOf);
if (failures.length + passed === 0) failures.push('FAILED no test ran');

if (failures.length > 0) console.log(['== failures', ...failures].join('\n'));
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;

function textOf(name) {
  return readFileSync(join(directory, name), 'utf8');
}

/** None where vitest came to no end; its exit code tells that. */
function suitesOf(report) {
  try {
    return JSON.parse(textOf(report)).testResults;
  } catch {
    return [];
  }
}

function failuresOf({ name, code, suites }) {
  const named = suites.flatMap(failuresIn);
  return named.length > 0 || code === '0' ? named : [shown([name], `exit ${code}: see above`)];
}

/** A suite fails by its tests, or as a whole: it does not load, or what runs before and after its tests fails. */
function failuresIn({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === 'failed');
  const file = relative('.', name);
  if (failed.length === 0 && status === 'failed')
    return [shown([file], message || 'a hook failed: see above')];
  return failed.map((test) =>
    shown([file, ...test.ancestorTitles, test.title], test.failureMessages.join('\n')),
  );
}

function shown(path, message) {
  const lines = stripVTControlCharacters(message).trim().split('\n').slice(0, MESSAGE_LINES);
  return [`FAILED ${path.join(' > ')}`, ...lines.map((line) => `    ${line}`)].join('\n');
}
