import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/model/secret.js';
import { container, containersOf, linesOf, unhindered } from './containers-lab.js';
import { baseImage, docker, failureOf } from './lab.js';

const values = {
  token: 'k3y-0f-the-h0use',
  pem: '-----BEGIN-----\nline one\n\n  line two \\n\n-----END-----\n',
  open: 'first\nsecond without end',
  empty: '',
  blank: '\n\n',
  odd: ' \t$(id) `id` "\'\\ ŁÁあ\u0081\u{1f600}\r\n',
};
const secrets = new Map(Object.entries(values).map(([name, value]) => [name, new Secret(value)]));

/** As `od` shows bytes. */
function hexOf(text: string): string {
  return [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

test('arrive in files of their exact bytes, in memory, and the command has no stdin', async () => {
  const script = `cd /run/secrets
    for name in *; do echo $name $(od -An -tx1 -v $name); done
    cat | wc -c; grep /run/secrets /proc/mounts`;
  await using made = await container({ command: script, secrets });
  expect(await made.run(made.io)).toEqual({ exitCode: 0 });
  for (const [name, value] of Object.entries(values)) {
    expect(made.io.stdout()).toContain(`${`${name} ${hexOf(value)}`.trim()}\n`);
  }
  expect(made.io.stdout()).toMatch(/^0\ntmpfs \/run\/secrets tmpfs rw,nosuid,nodev,noexec/m);
});

test('are in no place where somebody else could look', async () => {
  const build = `test-${randomUUID()}`;
  const command = ['sh', '-c', 'cat /run/secrets/token | wc -c; echo there; sleep 1000'] as const;
  await using made = await container({ command, secrets, build });
  const running = made.run(made.io).catch(() => undefined);
  await made.io.seen(/^there$/m);
  const found = docker.getContainer((await containersOf(build))[0]!);
  const [inspected, top] = await Promise.all([found.inspect(), found.top({ ps_args: 'aux e' })]);
  expect(made.io.stdout()).toBe(`${values.token.length}\nthere\n`);
  expect(JSON.stringify([inspected, top])).not.toContain(values.token);
  made.io.abort.abort();
  await running;
  let exported = 0;
  let last = '';
  for await (const chunk of await found.export()) {
    const text = last + (chunk as Buffer).toString('latin1');
    expect(text.includes(values.token)).toBe(false);
    last = text.slice(-values.token.length);
    exported += (chunk as Buffer).length;
  }
  expect(exported).toBeGreaterThan(100_000);
  expect(await linesOf(made.read('/run/secrets', unhindered))).toEqual([]);
  expect((await found.logs({ stdout: true, stderr: true }).catch(() => '')).toString()).toBe('');
});

test('of a megabyte pass', async () => {
  const big = 'a line of a certificate or so\n'.repeat(30_000);
  const command = 'wc -c </run/secrets/big; md5sum </run/secrets/big | wc -l';
  await using made = await container({ command, secrets: new Map([['big', new Secret(big)]]) });
  await made.run(made.io);
  expect(made.io.stdout()).toBe(`${big.length}\n1\n`);
});

test('are readable for a user of the image that is not root', async () => {
  const source = await docker.createContainer({ Image: baseImage(), Cmd: ['true'] });
  const tag = `buildbot-test:${randomUUID()}`;
  await source.commit({ repo: 'buildbot-test', tag: tag.split(':')[1], changes: 'USER 1234:1234' });
  await source.remove();
  await using made = await container({ image: tag, command: 'id -u; cat /run/secrets/token', secrets });
  await made.run(made.io);
  expect(made.io.stdout()).toBe(`1234\n${values.token}\n`);
  await made[Symbol.asyncDispose]();
  await docker.getImage(tag).remove();
});

test('need a shell in the image', async () => {
  const tag = `buildbot-test:${randomUUID()}`;
  // An empty tar: two blocks of zeros.
  const answer = await docker.importImage(Readable.from([Buffer.alloc(1024)]), {
    repo: 'buildbot-test',
    tag: tag.split(':')[1],
  });
  await new Promise((resolve) => answer.resume().on('end', resolve));
  const build = `test-${randomUUID()}`;
  const failure = await failureOf(container({ image: tag, command: ['/app'], secrets, build }));
  expect(failure).toMatchObject({ code: 'NOT_SUPPORTED', exitCode: 2 });
  expect(failure.message).toContain('/bin/sh');
  expect(await containersOf(build)).toEqual([]);
  await docker.getImage(tag).remove();
});
