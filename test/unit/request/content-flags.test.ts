import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { contentFlags } from '../../../src/request/content-flags.js';
import { buildFlags } from '../../../src/request/flags.js';
import { FlagValues, parseCommand } from '../../../src/request/parse.js';

const asGiven = (text: string): string => text;
const read = (...words: string[]) => parseCommand(['build', ...words], { local: false }).flags;

describe('contentFlags', () => {
  it('has the names and values of what was given, whatever the spelling, and nothing else', () => {
    const words = ['--repo', 'https://forge.example/a.git', '-t', '1', '-t', '2', '--no_cache'];
    const builder = ['--builder-image', 'evil', '--builder-command', "cp -r '/evil' /project"];
    expect(contentFlags(read(...words, ...builder, '--service-id=app'), asGiven)).toEqual({
      repo: ['https://forge.example/a.git'],
      tag: ['1', '2'],
      'no-cache': ['true'],
      'builder-image': ['evil'],
      'builder-command': ["cp -r '/evil' /project"],
      'service-id': ['app'],
    });
  });

  it('leaves out credentials and what is about the run alone; a flag is in unless the table says otherwise', () => {
    const all = buildFlags.flatMap(({ flags }) => flags).map(({ name }) => name);
    const kept = contentFlags(new FlagValues(new Map(all.map((name) => [name, ['x']]))), asGiven);
    expect(all.filter((name) => !(name in kept))).toEqual([
      ...['known-hosts', 'push', 'no-push', 'push-retry'],
      ...['timeout', 'on-disconnect', 'on-failure', 'output', 'progress', 'id'],
      ...['credentials', 'repo-auth-key', 'docker-login-cmd', 'docker-login-cache'],
    ]);
  });

  it('has a long value as its hash, which no value as given can look like', () => {
    const long = `A=${'é'.repeat(1000)}`;
    const sha256 = createHash('sha256').update(long).digest('hex');
    const flags = read('--build-arg', long, '--build-arg', `sha256:${sha256}`);
    expect(contentFlags(flags, asGiven)).toEqual({ 'build-arg': [{ sha256 }, `sha256:${sha256}`] });
  });

  it('masks before it hashes: a hash must not be a way to guess a secret', () => {
    const mask = (text: string) => text.replaceAll('s3cret', '***');
    const filler = 'x'.repeat(2000);
    const flags = read('--build-arg', 'T=s3cret', '--test', `s3cret${filler}`);
    const sha256 = createHash('sha256').update(`***${filler}`).digest('hex');
    expect(contentFlags(flags, mask)).toEqual({ 'build-arg': ['T=***'], test: [{ sha256 }] });
  });
});
