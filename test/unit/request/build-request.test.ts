import { describe, expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import { Secret } from '../../../src/model/secret.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';

const request = (flags: string, credentials = noCredentials) =>
  toBuildRequest(parseCommand(splitCommand(`build ${flags}`), { local: false }).flags, credentials);

function refusal(flags: string): string {
  try {
    request(flags);
  } catch (error) {
    if (error instanceof Failure && error.exitCode === 2) return error.message;
    throw error;
  }
  throw new Error(`'${flags}' was accepted`);
}

describe('toBuildRequest', () => {
  it('has sensible defaults', () => {
    const { source, delivery, policy, id } = request(
      '--repo https://forge.example/a.git --image registry.example/app',
    );
    expect(source).toMatchObject({ vcs: 'git', url: 'https://forge.example/a.git', acceptNewHostKey: false });
    expect(delivery).toEqual({ image: 'registry.example/app', tags: [], push: true, pushRetries: 5 });
    expect(policy).toEqual({ onDisconnect: { kind: 'cancel' }, onFailure: 'exit' });
    expect(id).toMatch(/^[0-9a-f]{12}$/);
  });

  it('reads every value', () => {
    const secret = { ...noCredentials, secrets: new Map([['NPM', new Secret('x')]]) };
    const { image, policy, delivery } = request(
      `--repo git@forge.example:a --image app -t 1 -t registry.example:5000/b:2 --context-path ./a//b/ -f sub/D --target t
       --platform linux/arm/v7 --build-arg A=b=c --label x= --secret id=NPM --no-cache --pull --network none --add-host db:10.0.0.1
       --shm-size 64m --ulimit nofile=1:2 --cache-from type=registry,ref=r.example/c:1 --cache-to type=inline --timeout 1m30s --push-retry 0`,
      secret,
    );
    expect(image).toMatchObject({
      contextPath: 'a/b',
      file: 'sub/D',
      target: 't',
      platform: 'linux/arm/v7',
      network: 'none',
      shmSize: 2 ** 26,
    });
    expect(image.buildArgs).toEqual(new Map([['A', 'b=c']]));
    expect(image.secrets).toEqual([{ id: 'NPM', name: 'NPM' }]);
    expect(image.ulimits).toEqual([{ name: 'nofile', soft: 1, hard: 2 }]);
    expect(image).toMatchObject({ noCache: true, pull: true, inlineCache: true, addHosts: ['db:10.0.0.1'] });
    expect(policy.timeout).toBe(90_000);
    expect(delivery).toMatchObject({ tags: ['1', 'registry.example:5000/b:2'], pushRetries: 0 });
  });

  const repo = '--repo https://forge.example/a.git';

  it('reads what happens when the caller goes away, and when a command fails', () => {
    const policy = (flags: string) => request(`${repo} ${flags}`).policy;
    expect(policy('--on-disconnect detach').onDisconnect).toEqual({ kind: 'detach' });
    expect(policy('--on-disconnect grace=90s').onDisconnect).toEqual({ kind: 'grace', ms: 90_000 });
    // A timer that is set for longer goes off at once.
    expect(policy('--on-disconnect grace=30d').onDisconnect).toEqual({ kind: 'grace', ms: 24 * 86_400_000 });
    expect(policy('--on-failure shell').onFailure).toBe('shell');
    for (const wrong of ['later', 'grace', 'grace=', 'grace=0s', 'grace=soon'])
      expect(() => policy(`--on-disconnect ${wrong}`), wrong).toThrow(
        expect.objectContaining({ code: 'USAGE' }) as Error,
      );
  });

  it('reads where a builder works and what is published', () => {
    const { image } = request(
      `${repo} --builder-image b:1 --builder-command make --extract //out/ --builder-cache /c --builder-cache /c/ --builder-cache /system
       --publish s3://My_Bucket//a//b/=/src/./x/`,
    );
    expect(image.builder).toEqual({
      kind: 'image',
      image: 'b:1',
      command: 'make',
      extract: '/out',
      cache: ['/c', '/system'],
    });
    expect(image.publish).toEqual([{ to: 's3', bucket: 'My_Bucket', bucketPath: 'a/b', copy: '/src/x' }]);
  });

  it.each([
    ['--image a', '--repo is missing'],
    [`${repo} --extract /x`, '--extract needs --builder-image'],
    [`${repo} --add-host a:999.1.1.1`, "--add-host 'a:999.1.1.1'"],
    [`${repo} --add-host 0a.Buildbot.invalid:127.0.0.1`, "--add-host '0a.Buildbot"],
    [`${repo} --add-host a:1.2.3`, "--add-host 'a:1.2.3'"],
    [`${repo} --add-host a:[::1`, "--add-host 'a:[::1'"],
    [`${repo} --shm-size 99999999999999999999t`, '--shm-size: '],
    [`${repo} --platform foo/bar`, "--platform 'foo/bar'"],
    [`${repo} --ulimit foo=1`, "--ulimit 'foo=1'"],
    [`${repo} --ulimit nofile=10:5`, "--ulimit 'nofile=10:5'"],
    [`${repo} --ulimit nofile=-1:5`, "--ulimit 'nofile=-1:5'"],
    [`${repo} --ulimit nofile=99999999999999999999`, '--ulimit'],
    [`${repo} --timeout 99999999999d`, '--timeout'],
    [`--repo http://forge.example:99999/x`, 'is not accepted as --repo'],
    [`${repo} --builder-image b`, '--builder-image needs --builder-command'],
    [`${repo} --publish x`, "--publish 'x'"],
    [`${repo} --publish s3://bkt/p=../x`, '--publish'],
    [`${repo} --publish s3://bkt/../p=/x`, "--publish: '../p' must not hold '..'"],
    [`${repo} --publish s3://-bkt/p=/x`, "--publish: '-bkt' is no bucket's name"],
    [`${repo} --builder-image b --builder-command c --extract x`, "--extract: 'x' must be absolute"],
    [
      `${repo} --builder-image b --builder-command c --builder-cache /`,
      "--builder-cache: '/' cannot be a cache",
    ],
    [
      `${repo} --builder-image b --builder-command c --builder-cache //project/.`,
      "--builder-cache: '//project/.' cannot be a cache",
    ],
    [
      `${repo} --builder-image b --builder-command c --builder-cache /proc/x/`,
      "'/proc/x/' cannot be a cache",
    ],
    [`${repo} --builder-image b --builder-command c --builder-cache /run/secrets`, 'cannot be a cache'],
    [`${repo} --image a:1`, 'holds a tag'],
    [`${repo} --image Team/App`, '--image:'],
    [`${repo} --image a -t -x`, "unknown flag '-x'"],
    [`${repo} --image a -t ${'x'.repeat(129)}`, 'at most 128 characters'],
    [`${repo} --image a --context-path ../x`, '--context-path'],
    [`${repo} --image a --file /etc/passwd`, '--file'],
    [`${repo} --image a --build-arg X`, "--build-arg 'X'"],
    [`${repo} --image a --platform windows`, "--platform 'windows'"],
    [`${repo} --image a --timeout soon`, '--timeout'],
    [`${repo} --image a --timeout 0`, '--timeout'],
    [`${repo} --image a --id 'a b'`, "--id 'a b'"],
    [`${repo} --image a --secret id=X`, 'secret'],
    [`${repo} --image a --push --no-push`, 'exclude each other'],
    [`${repo} --image a --network bridge0`, "--network 'bridge0'"],
    ['--repo ext::sh --image a', '--repo'],
    ['--repo=-oProxyCommand=x --image a', '--repo'],
    ['--repo https://u:p@forge.example/a --image a', '--repo'],
  ])('refuses %s: %s', (flags, message) => expect(refusal(flags)).toContain(message));
});
