import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('docs/demo.svg is small, and names no machine', () => {
  const svg = readFileSync('docs/demo.svg', 'utf8');
  expect(statSync('docs/demo.svg').size).toBeLessThan(200_000);
  expect(svg).toContain('pushed registry.example/team/hello:1.0');
  expect(svg).not.toMatch(
    /\d+\.\d+\.\d+\.\d+|\/(?:tmp|root|home|work)\b|localhost|<script|https?:\/\/(?!www\.w3\.org)/,
  );
});

it('a recording is drawn as its screens, one after the other, and ends with the last', () => {
  const directory = mkdtempSync(join(tmpdir(), 'buildbot-recording-'));
  const [cast, drawn] = [join(directory, 'cast'), join(directory, 'svg')];
  const lines = [
    { version: 2, width: 20, height: 2, title: 'a <b>' },
    [0, 'o', '\x1b[32m1 < 2\x1b[0m &'],
    [1, 'o', '\r\x1b[Kgone'],
    [2, 'o', '\r\nnext'],
  ];
  writeFileSync(cast, lines.map((line) => JSON.stringify(line)).join('\n'));
  execFileSync(process.execPath, ['tools/svg.mjs', cast, drawn]);
  const svg = readFileSync(drawn, 'utf8');
  rmSync(directory, { recursive: true });
  expect(svg).toContain('<title>a &lt;b&gt;</title>');
  expect([...svg.matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, row]) => row)).toEqual([
    '<tspan class="c2">1 &lt; 2</tspan> &amp;',
    'gone',
    'next',
  ]);
  const frames = [...svg.matchAll(/<g transform="translate\(0 (\d+)\)">(.*?)<\/g>/g)];
  expect(frames.map(([, , uses]) => [...uses!.matchAll(/#r(\d)/g)].map(([, id]) => id).join())).toEqual([
    ...['0', '1', '1,2'],
  ]);
  expect(svg).toContain(`<g id="film" transform="translate(0 -${frames.at(-1)![1]})">`);
});
