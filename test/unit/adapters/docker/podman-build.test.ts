import { expect, test } from 'vitest';
import { podmanQuery } from '../../../../src/adapters/docker/podman-build.js';
import { imageSpec } from '../../../integration/engine/lab.js';

test('Podman wants lists as JSON, limits as text, and the namespace that ends with the build', () => {
  const spec = imageSpec({
    dockerfile: 'FROM scratch\n',
    options: { addHosts: ['a:1.2.3.4'], ulimits: [{ name: 'nofile', soft: 1000, hard: 2000 }] },
  });
  const query = podmanQuery(spec, '/proc/7/ns/pid');
  expect(JSON.parse(query['extrahosts']!)).toEqual(['a:1.2.3.4']);
  expect(JSON.parse(query['ulimits']!)).toEqual(['nofile=1000:2000']);
  expect(JSON.parse(query['nsoptions']!)).toEqual([
    { Name: 'pid', Host: false, Path: '/proc/7/ns/pid' },
    { Name: 'network', Host: true, Path: '' },
  ]);
});
