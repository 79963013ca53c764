import { expect, it } from 'vitest';
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
