import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const FAULTS = 'test/faults';

/** What a test's name stands on: `it('name'`, `it.each(…)('name %s'`, the same of describe. Undefined for any other call. */
function titled(node: ts.Node): { verb: string; title: string } | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const [first] = node.arguments;
  if (first === undefined || !ts.isStringLiteralLike(first)) return undefined;
  const verb = /^(it|describe)\b/.exec(node.expression.getText())?.[1];
  return verb === undefined ? undefined : { verb, title: first.text.replaceAll('%s', '…') };
}

function casesOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node, above: readonly string[]): void => {
    const here = titled(node);
    const path = here === undefined ? above : [...above, here.title];
    if (here?.verb === 'it') found.push(path.join(' '));
    else ts.forEachChild(node, (child) => visit(child, path));
  };
  visit(source, []);
  return found;
}

it('docs/faults.md has a row for each case of `npm run faults`, and no other', () => {
  const files = readdirSync(FAULTS).filter((name) => name.endsWith('.test.ts'));
  const cases = files.flatMap((name) => casesOf(join(FAULTS, name)));
  const rows = readFileSync('docs/faults.md', 'utf8').matchAll(/^\| (?!Case |---)(.+?) \|/gm);
  expect([...rows].map(([, name]) => name!.replaceAll('\\|', '|')).sort()).toEqual(cases.sort());
});
