/** counts.mjs REPORT: what vitest's JSON report says, as `PASSED FAILED`. A suite that did not even load is a failure. */
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8') || '{}');
const { numPassedTests = 0, numFailedTests = 0, numFailedTestSuites = 0, success = false } = report;
console.log(numPassedTests, numFailedTests || (success ? 0 : Math.max(1, numFailedTestSuites)));
