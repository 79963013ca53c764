import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session, SessionHandler } from '../../../src/ssh/session.js';
import { dropKeyRing, makeKeyRing, outcomeOf, run, start, startLab, type Lab } from './lab.js';

const ring = makeKeyRing();
let lab: Lab;
let handle: SessionHandler;
let finished: Promise<string>;

/** Serves the next sessions with `task`; `finished` settles with the reason of the abort when the task is over. */
function serve(task: (session: Session) => Promise<number>): void {
  finished = new Promise((resolve, reject) => {
    handle = async (session) => {
      try {
        return await task(session);
      } catch (error) {
        reject(error);
        throw error;
      } finally {
        resolve((session.signal.reason as Error | undefined)?.message ?? 'not aborted');
      }
    };
  });
  finished.catch(() => {});
}

const write = (stream: Session['stdout'], data: Buffer | string) =>
  new Promise<void>((resolve) => void stream.write(data, () => resolve()));
const aborted = async ({ signal }: Session) => void (signal.aborted || (await once(signal, 'abort')));

beforeAll(async () => {
  const authorized = ring.add('ed25519', '-t', 'ed25519');
  const limits = { keepaliveIntervalMs: 400, keepaliveCountMax: 2 };
  lab = await startLab(ring, { authorized, limits, handle: (session) => handle(session) });
  expect((await run('puttygen', [ring.file('ed25519'), '-O', 'private', '-o', ring.file('ppk')])).code).toBe(
    0,
  );
});
afterAll(async () => {
  await lab.server.end();
  dropKeyRing(ring);
});

describe('output', () => {
  it('arrives whole and in order on both streams through a slow reader', { timeout: 20_000 }, async () => {
    const [out, err] = [randomBytes(20_000_000), randomBytes(20_000_000)];
    serve(async ({ stdout, stderr }) => {
      const pieces = (data: Buffer) => Readable.from(cut(data, 50_000));
      await Promise.all([pipeline(pieces(out), stdout), pipeline(pieces(err), stderr)]);
      return 7;
    });
    const client = start('ssh', [...lab.ssh(), 'h', 'both']);
    const [stdout, stderr] = await Promise.all([readSlowly(client.stdout), readSlowly(client.stderr)]);
    expect({ stdout, stderr, code: client.exitCode ?? (await once(client, 'exit'))[0] }).toEqual({
      stdout: digest(out),
      stderr: digest(err),
      code: 7,
    });
  });

  it.each(['stdout', 'stderr'] as const)(
    'that nobody waited for on %s is sent before the exit code',
    async (name) => {
      const data = randomBytes(8_000_000);
      serve(async (session) => {
        session[name].write(data);
        return 5;
      });
      const client = start('ssh', [...lab.ssh(), 'h', 'x']);
      client[name === 'stdout' ? 'stderr' : 'stdout'].resume();
      expect(await readSlowly(client[name])).toBe(digest(data));
      expect(client.exitCode ?? (await once(client, 'exit'))[0]).toBe(5);
    },
  );

  it('survives rekeying', { timeout: 30_000 }, async () => {
    const data = randomBytes(30_000_000);
    serve(async ({ stdout }) => {
      await pipeline(Readable.from(cut(data, 30_000)), stdout);
      return 0;
    });
    const { stdout, code } = await run('ssh', [...lab.ssh(), '-o', 'RekeyLimit=4M', 'h', 'x']);
    expect({ code, stdout: digest(stdout) }).toEqual({ code: 0, stdout: digest(data) });
  });

  it('of one turn leaves in one packet, and a single line at once', async () => {
    serve(async ({ stdout, stdin }) => {
      for (let line = 0; line < 1000; line++) stdout.write(`line ${line}\n`);
      await once(stdin, 'data');
      stdout.write('single\n');
      await once(stdin.resume(), 'end');
      return 0;
    });
    const channel = await openChannel();
    const [first] = (await once(channel, 'data')) as [Buffer];
    expect(first.toString().split('\n')).toHaveLength(1001);
    channel.write('go on');
    const [second] = (await once(channel, 'data')) as [Buffer];
    expect(second.toString()).toBe('single\n');
    channel.resume().end();
    expect(await finished).toBe('not aborted');
  });

  it.each([
    ['ssh', () => start('ssh', [...lab.ssh(), 'h', 'x'])],
    [
      'plink, which opens a window of 2 GiB',
      () => start('plink', [...plinkOptions(), '-P', String(lab.port), 'u@127.0.0.1', 'x']),
    ],
  ])('for a reader that never reads is not produced: %s', { timeout: 30_000 }, async (_, connect) => {
    let taken = 0;
    const source = async function* () {
      for (;;) {
        taken += 65_536;
        yield Buffer.alloc(65_536);
        await nextTurn();
      }
    };
    serve(async ({ stdout, signal }) => {
      await pipeline(source, stdout, { signal }).catch(() => {});
      return 0;
    });
    const client = connect();
    await expect.poll(() => taken).toBeGreaterThan(0);
    let before = -1;
    const isStill = () => taken === before || void (before = taken);
    await expect.poll(isStill, { interval: 300, timeout: 20_000 }).toBe(true);
    expect(taken).toBeLessThan(24 * 1024 * 1024);
    client.kill('SIGKILL');
    expect(await finished).toBe('the client is gone');
  });
});

describe('input', () => {
  it('from /dev/null is empty, also for a handler that takes its time', async () => {
    serve(async ({ stdin, stdout }) => {
      await nextTurn();
      for await (const chunk of stdin) stdout.write(chunk);
      stdout.write('end of stdin\n');
      return 0;
    });
    const { code, stdout } = await run('ssh', [...lab.ssh(), 'h', 'x']);
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: 'end of stdin\n' });
  });

  it('that nobody reads does not keep a session from ending', async () => {
    serve(async () => 4);
    expect((await run('ssh', [...lab.ssh(), 'h', 'x'], { input: randomBytes(5_000_000) })).code).toBe(4);
  });

  it('cut off by a lost client is an error, not an end', async () => {
    serve(async ({ stdin, stdout }) => {
      stdout.write('ready\n');
      await expect(stdin.toArray()).rejects.toThrow('the client is gone');
      return 0;
    });
    const client = start('ssh', [...lab.ssh(), 'h', 'x']);
    client.stdin.write('half an archive');
    await once(client.stdout, 'data');
    client.kill('SIGKILL');
    expect(await finished).toBe('the client is gone');
  });
});

describe('a client that', () => {
  /** Writes for ever, and waits for each write to be taken. */
  const chatter = async (session: Session) => {
    while (!session.signal.aborted) await write(session.stdout, 'line\n'.repeat(5000));
    for (let count = 0; count < 100; count++) await write(session.stderr, Buffer.alloc(100_000));
    return 130;
  };

  it('stops reading (| head -1) returns at once, and the work is aborted', async () => {
    serve(chatter);
    const pipe = `ssh ${lab.ssh().join(' ')} h x < /dev/null | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = await run('bash', ['-c', pipe]);
    expect(stdout.toString()).toBe('line\n130\n');
    expect(await finished).toBe('the client is gone');
  });

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('dies of %s aborts the work', async (signal) => {
    serve(chatter);
    const client = start('ssh', [...lab.ssh(), 'h', 'x']);
    await once(client.stdout, 'data');
    client.kill(signal);
    expect(await finished).toBe('the client is gone');
  });

  it('dies while it does not read releases the write that waits for it', async () => {
    const started = new Promise<void>((resolve) => {
      serve(async ({ stdout, stderr }) => {
        const written = Promise.all([
          write(stdout, Buffer.alloc(30_000_000)),
          write(stderr, Buffer.alloc(30_000_000)),
        ]);
        await nextTurn();
        resolve();
        await written;
        return 0;
      });
    });
    const client = start('ssh', [...lab.ssh(), 'h', 'x']);
    await started;
    client.kill('SIGKILL');
    expect(await finished).toBe('the client is gone');
  });

  it.each(['silent', 'stuck in output'])(
    'is frozen is dropped after three keepalive intervals: %s',
    async (mode) => {
      serve(
        mode === 'silent'
          ? async (session) => (session.stdout.write('go\n'), await aborted(session), 0)
          : chatter,
      );
      const client = start('ssh', [...lab.ssh(), 'h', 'x']);
      await once(client.stdout, 'data');
      const frozen = Date.now();
      client.kill('SIGSTOP');
      expect(await finished).toBe('the client is gone');
      // One interval may have begun before the freeze.
      expect(Date.now() - frozen).toBeGreaterThan(2 * 400);
      expect(Date.now() - frozen).toBeLessThan(3 * 400 + 1500);
      client.kill('SIGKILL');
    },
  );

  it('types Ctrl-C in a terminal aborts the work, and still gets the last words', async () => {
    serve(async (session) => {
      session.stdout.write('working\n');
      await aborted(session);
      session.stdout.write('cancelled\n');
      return 130;
    });
    const client = start('ssh', [...lab.ssh(), '-tt', 'h', 'x']);
    const outcome = outcomeOf(client);
    await once(client.stdout, 'data');
    client.stdin.write('abc\x03');
    expect(await outcome).toMatchObject({ code: 130, stdout: Buffer.from('working\r\ncancelled\r\n') });
    expect(await finished).toBe('Ctrl-C');
  });

  it('sends a signal aborts the work, also after the end of its input', async () => {
    serve(async (session) => {
      session.stdout.write('working\n');
      await once(session.stdin.resume(), 'end');
      session.stdout.write('read\n');
      await aborted(session);
      return 130;
    });
    const channel = await openChannel();
    await once(channel, 'data');
    channel.end();
    await once(channel, 'data');
    sendSignal(channel, 'TERM');
    const [code] = (await once(channel, 'exit')) as [number];
    expect({ code, reason: await finished }).toEqual({ code: 130, reason: 'signal TERM' });
  });

  it('closes one of several sessions of a connection aborts that one alone', async () => {
    const stopped: string[] = [];
    handle = async (session) => {
      session.stdout.write('working\n');
      await aborted(session);
      stopped.push(session.command ?? '');
      return 0;
    };
    const client = await connectClient();
    const open = (command: string) =>
      new Promise<ssh2.ClientChannel>((resolve, reject) =>
        client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error))),
      );
    const [first, second] = [await open('first'), await open('second')];
    first.write('nobody reads this');
    await Promise.all([once(first, 'data'), once(second, 'data')]);
    first.close();
    await expect.poll(() => stopped).toEqual(['first']);
    client.end();
    await expect.poll(() => stopped).toEqual(['first', 'second']);
  });
});

function plinkOptions(): string[] {
  return ['-batch', '-ssh', '-i', ring.file('ppk'), '-hostkey', lab.fingerprint];
}

async function connectClient(): Promise<ssh2.Client> {
  const client = new ssh2.Client();
  client.connect({
    host: '127.0.0.1',
    port: lab.port,
    username: 'u',
    privateKey: readFileSync(ring.file('ed25519')),
  });
  await once(client, 'ready');
  return client;
}

async function openChannel(): Promise<ssh2.ClientChannel> {
  const client = await connectClient();
  return await new Promise((resolve, reject) =>
    client.exec('x', (error, channel) => {
      if (error !== undefined) return reject(error);
      channel.on('close', () => client.end());
      resolve(channel);
    }),
  );
}

/** ssh2's own client sends no signal after the end of its input, which RFC 4254 allows. */
function sendSignal(channel: ssh2.ClientChannel, name: string): void {
  const { _client, outgoing } = channel as unknown as {
    _client: { _protocol: { signal(id: number, name: string): void } };
    outgoing: { id: number };
  };
  _client._protocol.signal(outgoing.id, name);
}

function* cut(data: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

/** Takes a small piece per turn of the event loop, less than any sender offers. */
async function readSlowly(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream.iterator()) {
    hash.update(chunk as Buffer);
    await nextTurn();
    await nextTurn();
  }
  return hash.digest('hex');
}

function digest(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
