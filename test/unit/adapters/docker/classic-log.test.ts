import { describe, expect, it } from 'vitest';
import { classicLog } from '../../../../src/adapters/docker/classic-log.js';

it('ends a line of which pieces are out already', () => {
  const log = classicLog();
  const [long, end] = ['x'.repeat(65_537), 'y'];
  const text = (events: ReturnType<typeof log.read>) =>
    events.map((event) => (event.type === 'log' ? event.text : '')).join('');
  expect(text(log.read([{ stream: 'a\nb' }, { stream: `c\n${long}` }]))).toBe(`a\nbc\n${long}`);
  expect(text(log.flush())).toBe('\n');
  log.read([{ stream: long }]);
  expect(text(log.read([{ stream: end }]))).toBe('');
  expect(text(log.flush())).toBe('y\n');
});

describe('the layers of a build', () => {
  const layersOf = (...said: (string | { id: string })[]) => {
    const log = classicLog();
    log.read(said.map((one) => (typeof one === 'string' ? { stream: one } : { aux: { ID: one.id } })));
    return log.layers();
  };
  const begin = ['Step 1/3 : FROM base', '\n', ' ---> aaaaaaaaaaaa\n'];
  const ran = ['Step 2/3 : RUN make', '\n', ' ---> Running in cccccccccccc\n'];

  it('are named by the builder alone until a process runs', () => {
    const [base, claimed] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'];
    expect(layersOf(...begin)).toEqual({ base, claimed: base });
    expect(layersOf(...begin, ' ---> Using cache\n', ' ---> bbbbbbbbbbbb\n')).toEqual({
      base: claimed,
      claimed,
    });
    expect(layersOf(...begin, ...ran, ' ---> bbbbbbbbbbbb\n')).toEqual({ base, claimed });
  });

  it('are only claimed behind it, whatever it prints', () => {
    const forged = ['Removing intermediate container cccccccccccc\n', ' ---> deadbeef0123\n'];
    const step = 'Step 3/3 : FROM private';
    expect(layersOf(...begin, ...ran, ...forged, step, '\n', ' ---> deadbeef0123\n')?.base).toBe(
      'aaaaaaaaaaaa',
    );
  });

  it('are named by the builder again where a stage has ended', () => {
    const next = ['Step 3/3 : FROM other', '\n', ' ---> eeeeeeeeeeee\n'];
    expect(layersOf(...begin, ...ran, { id: 'sha256:b' }, ...next)?.base).toBe('eeeeeeeeeeee');
  });

  it("begin with Podman's base image, and its RUN speaks without notice", () => {
    const from = 'STEP 1/3: FROM base\n';
    expect(layersOf(from, 'STEP 2/3: RUN make\n', '--> deadbeef0123\n')).toEqual({
      base: 'base',
      claimed: 'deadbeef0123',
    });
  });
});
