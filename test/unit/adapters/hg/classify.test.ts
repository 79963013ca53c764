import { expect, test } from 'vitest';
import { classify } from '../../../../src/adapters/hg/classify.js';

test.each([
  [
    'remote: git@h: Permission denied (publickey).\nabort: no suitable response from remote hg',
    'SOURCE_DENIED',
  ],
  ['remote: Host key verification failed.\nabort: no suitable response from remote hg', 'HOST_KEY_UNKNOWN'],
  ['abort: authorization failed', 'SOURCE_DENIED'],
  ['abort: HTTP Error 404: Not Found', 'REPOSITORY_NOT_FOUND'],
  ["abort: unknown revision 'x'", 'REVISION_NOT_FOUND'],
  ['abort: ambiguous identifier: e5', 'REVISION_AMBIGUOUS'],
  ['abort: error: [Errno 110] Connection timed out', 'SOURCE_UNREACHABLE'],
  ['abort: No space left on device', 'DISK_FULL'],
  ['remote: No space left on device\nabort: HTTP Error 500: no', 'SOURCE_UNREACHABLE'],
  ['abort: required features are not supported in the destination: lfs', 'SOURCE_FAILED'],
])('%j is %s', (stderr, code) => {
  expect(classify(stderr).code).toBe(code);
});

test('a banner that speaks of revisions proves nothing', () => {
  const stderr = "remote: abort: unknown revision 'x'\nremote: Connection closed by 127.0.0.1 port 22\n";
  expect(classify(stderr).code).toBe('SOURCE_UNREACHABLE');
});
