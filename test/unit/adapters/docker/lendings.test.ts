import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../../../../src/adapters/docker/connection.js';
import { isOwed, owe } from '../../../../src/adapters/docker/debts.js';
import { createDockerEngine } from '../../../../src/adapters/docker/engine.js';
import { giveBack, type Lending, lendingNotes } from '../../../../src/adapters/docker/lendings.js';
import { createNameLock } from '../../../../src/adapters/docker/name-lock.js';
import { sweepEngine } from '../../../../src/adapters/docker/sweep.js';
import { tagImage } from '../../../../src/adapters/docker/tag.js';
import { parseReference } from '../../../../src/model/reference.js';

const NAME = 'registry.example/team/app:1';
const { signal } = new AbortController();

/** An engine that knows names only. `refuse` makes it answer 500 to the next request with that method. */
async function engineOfNames(names: Map<string, string>) {
  const directory = await mkdtemp(join(tmpdir(), 'lendings-'));
  const socketPath = join(directory, 'engine.sock');
  let refused = '';
  const answer = (method: string, url: URL): [number, unknown] => {
    const path = decodeURIComponent(url.pathname);
    const [, image = '', call] = /^(?:\/v[\d.]+)?\/images\/(.+?)(?:\/(json|tag))?$/.exec(path) ?? [];
    if (refused === method) return ((refused = ''), [500, { message: 'no' }]);
    if (path.endsWith('/containers/json') || path.endsWith('/images/json')) return [200, []];
    if (call === 'tag') {
      names.set(`${url.searchParams.get('repo')}:${url.searchParams.get('tag')}`, image);
      return [201, {}];
    }
    const id = names.get(image);
    if (id === undefined) return [404, { message: 'none' }];
    if (method === 'DELETE') names.delete(image);
    return [200, method === 'DELETE' ? [] : { Id: id, Size: 1, Os: 'linux', Architecture: 'amd64' }];
  };
  const server = createServer((request, response) => {
    const [status, body] = answer(request.method!, new URL(request.url!, 'http://engine'));
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    connection: { socketPath },
    lendings: join(directory, 'lendings'),
    refuse: (method: string) => (refused = method),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

test('a name whose return broke off after its removal is given back by the next try', async () => {
  const names = new Map([[NAME, 'lent']]);
  await using engine = await engineOfNames(names);
  const connection = connect(engine.connection);
  const lending = { name: NAME, image: 'lent', before: 'old' };
  engine.refuse('POST');
  await expect(giveBack(connection, lending, signal)).rejects.toThrow('no');
  expect(names.size).toBe(0);
  await giveBack(connection, lending, signal);
  expect(names.get(NAME)).toBe('old');
  await giveBack(connection, lending, signal);
  expect(names.get(NAME)).toBe('old');
});

test('the sweep leaves a name that was asked for after the runner that had lent it died', async () => {
  const names = new Map([[NAME, 'same']]);
  await using engine = await engineOfNames(names);
  const { connection, lendings } = engine;
  const lending: Lending = { name: NAME, image: 'same', before: undefined };
  await lendingNotes({ directory: lendings, runner: 'dead' }).write(lending);
  const place = { directory: lendings, runner: 'alive' };
  await createDockerEngine({ buildkit: 'no', connection, lendings: place }).tag('same', parseReference(NAME));
  expect((await sweepEngine(['dead'], { connection, lendings })).clean).toEqual(['dead']);
  expect(names.get(NAME)).toBe('same');
});

test('the sweep leaves a name to the build that has its turn, and comes again', async () => {
  const names = new Map([[NAME, 'lent']]);
  await using engine = await engineOfNames(names);
  const { connection, lendings } = engine;
  const dead = { directory: lendings, runner: 'dead' };
  await lendingNotes(dead).write({ name: NAME, image: 'lent', before: undefined });
  const taken = await sweepEngine(['dead'], { connection, lendings, locks: { take: async () => undefined } });
  expect([taken.clean, names.get(NAME)]).toEqual([[], 'lent']);
  const free = { take: async () => ({ [Symbol.asyncDispose]: async () => undefined }) };
  expect((await sweepEngine(['dead'], { connection, lendings, locks: free })).clean).toEqual(['dead']);
  expect([names.size, await readdir(lendings)]).toEqual([0, []]);
});

test('a removal that waits behind a tag of its name finds that it is not owed any more', async () => {
  await using engine = await engineOfNames(new Map());
  const connection = connect(engine.connection);
  const withName = createNameLock();
  const [what, removal] = [`remove the name ${NAME}`, async () => undefined];
  owe(connection, what, removal);
  const tagged = tagImage(
    connection,
    { source: 'image', target: parseReference(NAME) },
    { withName, notes: lendingNotes(undefined) },
  );
  const owed = withName({ name: NAME, signal }, async () => isOwed(connection, what, removal));
  await tagged;
  expect(await owed).toBe(false);
});

test('a build that is cancelled does not wait for the turn of a name', async () => {
  await using engine = await engineOfNames(new Map());
  const withName = createNameLock();
  let end = () => {};
  const used = withName({ name: NAME, signal }, () => new Promise<void>((resolve) => (end = resolve)));
  const cancelled = new AbortController();
  const tagged = tagImage(
    connect(engine.connection),
    { source: 'image', target: parseReference(NAME), signal: cancelled.signal },
    { withName, notes: lendingNotes(undefined) },
  );
  cancelled.abort(new Error('cancelled by its caller'));
  await expect(tagged).rejects.toThrow('cancelled by its caller');
  end();
  await used;
});
