/**
 * verdict.mjs FAILED REPORT…: what vitest's JSON reports say, last in the log: each failure with the head of its message, then the line
 * `N passed, N failed`, with FAILED others added. A run that failed and names no test is a failure too.
 */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const MESSAGE_LINES = 15;
const NO_REPORT = 'vitest wrote no report';
const OUTSIDE = 'errors outside of the tests, see above';

const [others, ...files] = process.argv.slice(2);
const reports = files.map(read);
const tests = reports.flatMap(({ testResults = [] }) =>
  testResults.flatMap((suite) => suite.assertionResults),
);
const failures = reports.flatMap(failuresOf);
const passed = tests.filter(({ status }) => status === 'passed').length;
const failed = Number(others) + failures.length;

if (failures.length > 0) console.log(['== failures', ...failures].join('\n'));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function read(file) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text ? JSON.parse(text) : {};
}

function failuresOf({ success = false, testResults }) {
  const named = (testResults ?? []).flatMap(failuresIn);
  if (success || named.length > 0) return named;
  return [shown(['vitest'], testResults ? OUTSIDE : NO_REPORT)];
}

/** A suite fails by its tests, or as a whole: it does not load, or what runs before and after its tests fails. */
function failuresIn({ name, status, message, assertionResults }) {
  const found = assertionResults.filter((test) => test.status === 'failed');
  const file = relative('.', name);
  if (found.length === 0 && status === 'failed') return [shown([file], message)];
  return found.map((test) =>
    shown([file, ...test.ancestorTitles, test.title], test.failureMessages.join('\n')),
  );
}

function shown(names, message) {
  const lines = stripVTControlCharacters(message).trim().split('\n').slice(0, MESSAGE_LINES);
  return [`FAILED ${names.join(' > ')}`, ...lines.map((line) => `    ${line}`)].join('\n');
}
