/**
 * verdict.mjs FAILED REPORT…: what vitest's JSON reports say, last in the log: each failure with the head of its message, then the line
 * `N passed, N failed`, with FAILED others added. A report that is not there, or a suite that did not even load, is a failure.
 */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const MESSAGE_LINES = 15;
const [others, ...reports] = process.argv.slice(2);
const suites = reports.flatMap((report) => read(report).testResults ?? [unread(report)]);
const failures = suites.flatMap(failuresOf);
const passed = suites
  .flatMap((suite) => suite.assertionResults)
  .filter(({ status }) => status === 'passed').length;
const failed = Number(others) + failures.length;

if (failures.length > 0) console.log(['== failures', ...failures].join('\n'));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function read(report) {
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '';
  return text ? JSON.parse(text) : {};
}

function unread(report) {
  return { name: report, status: 'failed', message: 'vitest wrote no report', assertionResults: [] };
}

/** A suite fails by its tests, or as a whole: it does not load, or what runs before and after its tests fails. */
function failuresOf({ name, status, message, assertionResults }) {
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (tests.length === 0 && status === 'failed') return [shown([relative('.', name)], message)];
  return tests.map((test) =>
    shown([relative('.', name), ...test.ancestorTitles, test.title], test.failureMessages.join('\n')),
  );
}

function shown(names, message) {
  const lines = stripVTControlCharacters(message).trim().split('\n').slice(0, MESSAGE_LINES);
  return [`FAILED ${names.join(' > ')}`, ...lines.map((line) => `    ${line}`)].join('\n');
}
