import { describe, expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';

const source = (flags: string) =>
  toBuildRequest(
    parseCommand(splitCommand(`build --image a ${flags}`), { local: false }).flags,
    noCredentials,
  ).source;

describe('the flags of a source', () => {
  it('have defaults', () => {
    expect(source('--repo https://forge.example/a')).toEqual({
      kind: 'repository',
      vcs: 'git',
      url: 'https://forge.example/a',
      acceptNewHostKey: false,
      submodules: 'auto',
      lfs: 'auto',
    });
  });

  it('are read', () => {
    const flags = '--revision v1 --accept-new-host-key --submodules yes --lfs no';
    expect(source(`--repo git@forge.example:a ${flags}`)).toEqual({
      kind: 'repository',
      vcs: 'git',
      url: 'git@forge.example:a',
      revision: 'v1',
      acceptNewHostKey: true,
      submodules: 'yes',
      lfs: 'no',
    });
  });

  it.each([
    ['hg+ssh://hg@forge.example/a', 'hg', 'ssh://hg@forge.example/a'],
    ['hg+https://forge.example/a', 'hg', 'https://forge.example/a'],
    ['ssh://hg@forge.example/a', 'hg', 'ssh://hg@forge.example/a'],
    ['ssh://hg@forge.example/a --vcs git', 'git', 'ssh://hg@forge.example/a'],
    ['ssh://me@forge.example/a --vcs hg', 'hg', 'ssh://me@forge.example/a'],
    ['https://forge.example/a --vcs hg', 'hg', 'https://forge.example/a'],
    ['file:///srv/a --vcs hg', 'hg', 'file:///srv/a'],
    ['hg@forge.example:a', 'git', 'hg@forge.example:a'],
  ])('--repo %s is %s', (flags, vcs, url) => {
    expect(source(`--repo ${flags}`)).toMatchObject({ vcs, url });
  });

  it.each([
    ['--repo hg+ssh://forge.example/a --vcs git', "--vcs 'git' cannot be used; the URL says hg"],
    ['--repo https://forge.example/a --vcs svn', '--vcs'],
    ['--repo https://forge.example/a --submodules maybe', '--submodules'],
    ['--repo https://forge.example/a --lfs maybe', '--lfs'],
    ['--revision v1', '--repo is missing'],
  ])('%s is refused', (flags, message) => {
    expect(() => source(flags)).toThrow(
      expect.objectContaining({ exitCode: 2, line: expect.stringContaining(message) }),
    );
  });
});
