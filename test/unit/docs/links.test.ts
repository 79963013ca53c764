import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const below = (directory: string) =>
  readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name)));
const pages = [...readdirSync('.'), ...below('docs'), ...below('bench'), 'test/lab/README.md'].filter(
  (name) => name.endsWith('.md'),
);

/** What is no code: a link in an example is none. */
const prose = (page: string) =>
  readFileSync(page, 'utf8')
    .replaceAll(/^```[^]*?^```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ''));

/** The anchors that a forge gives to the headings of a page, as GitHub does it: https://github.com/gjtorikian/html-pipeline (toc_filter). */
function anchors(page: string): string[] {
  const seen = new Map<string, number>();
  return [...prose(page).matchAll(/^#{1,6} +(.*)$/gm)].map(([, heading]) => {
    const text = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

it.each(pages)('every link of %s leads somewhere', (page) => {
  const broken = [...prose(page).matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?[^)]*\)/g)].filter(
    ([, path, anchor]) => {
      const target = path === '' ? page : normalize(join(dirname(page), path!));
      return !existsSync(target) || (anchor !== undefined && !anchors(target).includes(anchor));
    },
  );
  expect(broken.map(([link]) => link)).toEqual([]);
});
