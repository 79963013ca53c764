import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  checkSecrets,
  secretsDocument,
  secretsMount,
  secretsWrapper,
} from '../../../../src/adapters/docker/container-secrets.js';
import { Secret } from '../../../../src/model/secret.js';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'secrets-test-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function secretsOf(values: Record<string, string>): Map<string, Secret> {
  return new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]));
}

/** The wrapper in the shell of this system, with another directory. */
function wrap(input: string, ...command: string[]) {
  const [shell, ...rest] = secretsWrapper.map((word) => word.replaceAll('/run/secrets', directory));
  return spawnSync(shell!, [...rest, ...command], { input, encoding: 'utf8' });
}

const odd = {
  plain: 'value',
  empty: '',
  line: 'one\n',
  lines: '\n\none\n\ntwo',
  spaces: ' \t lead and trail \t ',
  crlf: 'a\r\nb\r\n',
  shell: '$HOME `id` \\n %s "\'*',
  header: 'x 3\n/\n/',
  unicode: 'ŁÁあ\u{1f600}\u0081',
  'a.b-c_D9': 'name',
};

test('a shell makes files of the exact bytes, for its own user alone', () => {
  const { status, stdout } = wrap(secretsDocument(secretsOf(odd)), 'sh', '-c', 'cat; umask; echo "$*" >&2');
  expect({ status, stdout }).toEqual({ status: 0, stdout: '0022\n' });
  for (const [name, value] of Object.entries(odd)) {
    expect(readFileSync(join(directory, name), 'utf8')).toBe(value);
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  }
});

test('the command gets its words as they are, and its exit code goes on', () => {
  const { status, stdout } = wrap(
    secretsDocument(secretsOf(odd)),
    'sh',
    '-c',
    'printf "[%s]" "$@"; exit 7',
    'a b',
    '$x',
    '',
  );
  expect({ status, stdout }).toEqual({ status: 7, stdout: '[$x][]' });
});

test('a document that is cut short runs nothing', () => {
  const whole = secretsDocument(secretsOf({ a: 'one\ntwo', b: 'three' }));
  for (let length = 0; length < whole.length - 2; length++) {
    expect(wrap(whole.slice(0, length), 'echo', 'ran')).toMatchObject({ status: 125, stdout: '' });
  }
});

test.each(['', '.', '..', 'a/b', '/', 'a b', 'a\nb', 'ä'])('%j names no file', (name) => {
  expect(() => checkSecrets(secretsOf({ [name]: 'x' }))).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('what a shell cannot hold is refused without being shown', () => {
  const check = () => checkSecrets(secretsOf({ key: 'hidden\0value' }));
  expect(check).toThrow(expect.objectContaining({ code: 'CREDENTIALS_INVALID' }));
  expect(check).not.toThrow(/hidden/);
});

test('the tmpfs has room for all of them', () => {
  const size = (values: Record<string, string>) =>
    Number(/size=(\d+)/.exec(Object.values(secretsMount(secretsOf(values)))[0]!)?.[1]);
  expect(size({ a: 'é'.repeat(1_000_000) })).toBeGreaterThan(2_000_000);
  expect(size(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, 'x'])))).toBeGreaterThan(
    100 * 4096,
  );
});
