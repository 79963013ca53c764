import { spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { entriesOf, inPieces, receive, tarOf } from './tars.js';

const file = { name: 'a.txt', content: 'hello' };
const damaged = { code: 'TREE_INVALID', exitCode: 2 };
const cut = { code: 'SOURCE_FAILED', exitCode: 3, message: expect.stringContaining('cut off') as string };

describe('a context', () => {
  it('is a tree in the order of a walk, whatever the order of the tar', async () => {
    const long = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(200)}`;
    const bytes = await tarOf([
      { name: './b/z', content: 'z', mode: 0o4755 },
      { name: './', type: 'directory' },
      { name: 'b-c', content: 'c' },
      { name: `./${long}`, content: 'long' },
      { name: 'b', type: 'directory', mode: 0o700 },
      { name: 'ünïcødé/日本', content: 'unicode' },
      { name: 'link', type: 'symlink', linkname: '/nowhere' },
      { name: 'hard', type: 'link', linkname: './b/z' },
      { name: 'hard-link', type: 'link', linkname: 'link' },
      { name: '.wh.removed', content: 'not a whiteout' },
    ]);
    const [one, two] = long.split('/');
    expect(await entriesOf(bytes)).toEqual([
      { path: '.wh.removed', mode: 0o644, content: 'not a whiteout' },
      { path: 'b/', mode: 0o700 },
      { path: 'b/z', mode: 0o4755, content: 'z' },
      { path: 'b-c', mode: 0o644, content: 'c' },
      { path: `${one}/`, mode: 0o755 },
      { path: `${one}/${two}/`, mode: 0o755 },
      { path: long, mode: 0o644, content: 'long' },
      { path: 'hard', mode: 0o4755, content: 'z' },
      { path: 'hard-link', target: '/nowhere' },
      { path: 'link', target: '/nowhere' },
      { path: 'ünïcødé/', mode: 0o755 },
      { path: 'ünïcødé/日本', mode: 0o644, content: 'unicode' },
    ]);
  });

  it('has of a name that comes twice the last, and a link the file that was there', async () => {
    const bytes = await tarOf([
      { name: 'a', content: 'first' },
      { name: 'link', type: 'link', linkname: 'a' },
      { name: 'a', content: 'second' },
      { name: 'was-file', content: 'file' },
      { name: 'was-file', type: 'directory' },
      { name: 'was-file/in', content: 'in' },
      { name: 'was-directory', type: 'directory' },
      { name: 'was-directory', content: 'file' },
    ]);
    expect(await entriesOf(bytes)).toMatchObject([
      { path: 'a', content: 'second' },
      { path: 'link', content: 'first' },
      { path: 'was-directory', content: 'file' },
      { path: 'was-file/' },
      { path: 'was-file/in', content: 'in' },
    ]);
  });

  it('is the same however its bytes are cut, packed or not', async () => {
    const bytes = await tarOf([file, { name: 'b', content: 'x'.repeat(5000) }]);
    const zstd = spawnSync('zstd', ['-c'], { input: bytes }).stdout;
    const known = (await receive(inPieces(bytes))).revision;
    for (const packed of [
      bytes,
      gzipSync(bytes),
      Buffer.concat([gzipSync(bytes.subarray(0, 700)), gzipSync(bytes.subarray(700))]),
      zstd,
    ]) {
      for (const size of [1, 511, 512, 513, 2 ** 20]) {
        expect((await receive(inPieces(packed, size))).revision).toEqual(known);
      }
    }
  });

  it('is named by paths, modes and contents, and as old as its newest entry', async () => {
    const named = async (...members: Parameters<typeof tarOf>[0]) =>
      (await receive(inPieces(await tarOf(members)))).revision;
    const { id, committedAt } = await named(file, { name: 'b', content: '', mtime: new Date(5_000_000) });
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(committedAt).toEqual(new Date(5_000_000));
    expect((await named({ name: 'b', content: '' }, file)).id).toBe(id);
    const others = [
      await named({ ...file, mode: 0o755 }, { name: 'b', content: '' }),
      await named({ ...file, name: 'a.txtb' }),
      await named({ ...file, content: 'hellO' }, { name: 'b', content: '' }),
    ];
    expect(new Set([id, ...others.map((other) => other.id)]).size).toBe(4);
    expect((await named({ ...file, pax: { mtime: '-12.5' } })).committedAt).toEqual(new Date(0));
  });

  it('ends with the archive: what follows is drained', async () => {
    let drained = 0;
    async function* stream() {
      yield await tarOf([file]);
      for (; drained < 5; drained++) yield Buffer.alloc(2000, 7);
    }
    const { entries } = await receive(stream());
    expect(entries).toHaveLength(1);
    await expect.poll(() => drained).toBe(5);
  });

  it('is taken without waiting for the end of stdin', async () => {
    async function* stream() {
      yield await tarOf([file]);
      await new Promise(() => undefined);
    }
    expect((await receive(stream())).entries).toHaveLength(1);
  });
});

describe('no context', () => {
  const reasonOf = async (bytes: Buffer) => receive(inPieces(bytes)).catch((error: unknown) => error);

  it.each([
    ['nothing', Buffer.alloc(0), 'is empty'],
    ['a text', Buffer.from('hello\n'.repeat(1000)), 'no tar archive'],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), 'is xz'],
  ])('is %s', async (_, bytes, message) => {
    expect(await reasonOf(bytes)).toMatchObject({
      ...damaged,
      message: expect.stringContaining(message) as string,
    });
  });

  it('is one that was cut anywhere', async () => {
    const bytes = await tarOf([file, { name: 'b', content: 'x'.repeat(700) }]);
    const whole = bytes.length - 1024;
    for (const end of [513, 600, 1024, 1536, 2048, 2560, whole, whole + 511]) {
      expect(await reasonOf(bytes.subarray(0, end)), `${end}`).toMatchObject(cut);
    }
    const packed = gzipSync(bytes);
    for (const end of [4, 20, packed.length - 9, packed.length - 1]) {
      expect(await reasonOf(packed.subarray(0, end)), `gzip ${end}`).toMatchObject(cut);
    }
    const zstd = spawnSync('zstd', ['-c'], { input: bytes }).stdout;
    expect(await reasonOf(zstd.subarray(0, -1))).toMatchObject(cut);
  });

  it('is one whose client was lost', async () => {
    const bytes = await tarOf([file, { name: 'b', content: 'x'.repeat(700) }]);
    async function* lost(packed: Buffer) {
      yield packed.subarray(0, packed.length / 2);
      throw new Error('the client is gone');
    }
    for (const packed of [bytes, gzipSync(bytes), spawnSync('zstd', ['-c'], { input: bytes }).stdout]) {
      await expect(receive(lost(packed))).rejects.toMatchObject(cut);
    }
  });

  it('is one that a signal ends, though nothing comes', async () => {
    for (const head of [(await tarOf([file])).subarray(0, 700), gzipSync('x').subarray(0, 12)]) {
      const stop = new AbortController();
      async function* idle() {
        yield head;
        setImmediate(() => stop.abort(new Error('the deadline')));
        await new Promise(() => undefined);
      }
      await expect(receive(idle(), { signal: stop.signal })).rejects.toThrow('the deadline');
    }
  });

  it.each([
    ['..', [{ name: 'a/../../b', content: '' }], 'leads out'],
    ['an absolute path', [{ name: '/etc/passwd', content: '' }], 'absolute'],
    ['a device', [{ name: 'null', type: 'character-device' as const }], 'a device'],
    ['a pipe', [{ name: 'pipe', type: 'fifo' as const }], 'a named pipe'],
    [
      'a link to what comes later',
      [{ name: 'b', type: 'link' as const, linkname: 'a' }, { name: 'a' }],
      'hard link',
    ],
    ['a link that leaves', [{ name: 'b', type: 'link' as const, linkname: '../../etc/passwd' }], 'leads out'],
    [
      'a link to a directory',
      [
        { name: 'a', type: 'directory' as const },
        { name: 'b', type: 'link' as const, linkname: 'a' },
      ],
      'hard link',
    ],
    [
      'a file below a file',
      [
        { name: 'a', content: 'x' },
        { name: 'a/b', content: '' },
      ],
      "lies below 'a'",
    ],
    [
      'a file below a link',
      [
        { name: 'a', type: 'symlink' as const, linkname: '/etc' },
        { name: 'a/passwd', content: '' },
      ],
      "lies below 'a'",
    ],
    [
      'a file above others',
      [
        { name: 'a/b', content: '' },
        { name: 'a', content: 'x' },
      ],
      'then is none',
    ],
    ['too long a name', [{ name: 'n'.repeat(256), content: '' }], 'too long'],
    ['a sparse file', [{ name: 'a', content: '', pax: { 'GNU.sparse.major': '1' } }], 'sparse'],
  ])('may hold %s', async (_, members, message) => {
    expect(await reasonOf(await tarOf(members))).toMatchObject({
      ...damaged,
      message: expect.stringContaining(message) as string,
    });
  });

  it('has names that are not UTF-8, or header after header', async () => {
    const latin = await tarOf([{ name: 'caf_', content: '' }]);
    latin[3] = 0xe9;
    latin.write(
      `${latin
        .subarray(0, 512)
        .reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
      'latin1',
    );
    expect(await reasonOf(latin)).toMatchObject({
      ...damaged,
      message: expect.stringContaining('UTF-8') as string,
    });
    const bloated = await tarOf([{ name: 'a', content: '', pax: { comment: 'x'.repeat(300_000) } }]);
    expect(await reasonOf(bloated)).toMatchObject({
      ...damaged,
      message: expect.stringContaining('a header of') as string,
    });
  });
});

describe('the limits of a context', () => {
  const large = (what: string) => ({
    code: 'CONTEXT_TOO_LARGE',
    exitCode: 2,
    message: expect.stringContaining(what) as string,
  });

  it('stop one by its size, before that has come', async () => {
    const limits = { bytes: 100_000, entries: 10 };
    const header = (await tarOf([{ name: 'big', size: 200_000, content: 'x'.repeat(200_000) }])).subarray(
      0,
      512,
    );
    await expect(receive(inPieces(header), { limits })).rejects.toMatchObject(large('max-context'));
    const bomb = gzipSync(
      await tarOf([
        { name: 'zeros', content: '\0'.repeat(99_000) },
        { name: 'more', content: 'x' },
      ]),
    );
    await expect(receive(inPieces(bomb), { limits })).rejects.toMatchObject(large('max-context'));
    const behind = gzipSync(Buffer.concat([await tarOf([file]), Buffer.alloc(1_000_000)]));
    await expect(receive(inPieces(behind), { limits })).rejects.toMatchObject(large('max-context'));
  });

  it('stop one by what it makes the runner hold: directories that it only implies, and names', async () => {
    const deep = (first: string) => ({ name: `${first}/${'d/'.repeat(150)}f`, content: '' });
    const limits = { bytes: 2 ** 30, entries: 200 };
    const implied = await tarOf([deep('a'), deep('b'), deep('c')]);
    await expect(receive(inPieces(implied), { limits })).rejects.toMatchObject(large('max-context-entries'));
    const long = Array.from({ length: 1200 }, (_, i) => ({
      name: `${'n'.repeat(240)}/`.repeat(4) + i,
      content: '',
    }));
    const named = inPieces(await tarOf(long), 2 ** 20);
    const many = { bytes: 2 ** 30, entries: 2000 };
    await expect(receive(named, { limits: many })).rejects.toMatchObject(large('of names'));
  });

  it('stop one by its entries, those that come twice counted twice', async () => {
    const limits = { bytes: 100_000, entries: 3 };
    const four = await tarOf([file, file, file, file]);
    await expect(receive(inPieces(four), { limits })).rejects.toMatchObject(large('max-context-entries'));
    expect((await receive(inPieces(await tarOf([file, file, file])), { limits })).entries).toHaveLength(1);
  });
});
