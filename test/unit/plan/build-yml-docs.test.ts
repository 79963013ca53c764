import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { buildYmlJsonSchema } from '../../../src/plan/build-yml/json-schema.js';
import { parseBuildYml } from '../../../src/plan/build-yml/parse.js';

const docs = new URL('../../../docs/reference/', import.meta.url);
const page = await readFile(new URL('build-yml.md', docs), 'utf8');
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1]!);

type Schema = {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  items?: Schema;
  description?: string;
  enum?: unknown[];
};
const schema = buildYmlJsonSchema() as Schema;

/** Every map with fixed keys in the schema. */
function closedMaps(part: Schema): Schema[] {
  const { properties = {}, additionalProperties, anyOf = [], items } = part;
  const inner = [...Object.values(properties), ...anyOf, ...(items ? [items] : [])];
  const below = typeof additionalProperties === 'object' ? [...inner, additionalProperties] : inner;
  const own = Object.keys(properties).length > 0 && additionalProperties === false ? [part] : [];
  return [...own, ...below.flatMap(closedMaps)];
}

describe('docs/reference/build-yml.md', () => {
  it('has only examples that are taken', () => {
    expect(examples.length).toBeGreaterThan(5);
    for (const example of examples) expect(parseBuildYml(example)).toHaveProperty('projects');
  });

  it('has a row for every key', () => {
    const rows = new Set([...page.matchAll(/^\| `([\w-]+)` \|/gm)].map((match) => match[1]!));
    const keys = closedMaps(schema).flatMap(({ properties }) => Object.keys(properties!));
    expect(keys.filter((key) => !rows.has(key))).toEqual(['matching']);
  });
});

describe('docs/reference/build-yml.schema.json', () => {
  // After a change: npx vitest run test/unit/plan/build-yml-docs.test.ts --update
  it('is what the code accepts', async () => {
    const file = new URL('build-yml.schema.json', docs).pathname;
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(file);
  });

  it('closes every map, and describes every key', () => {
    const maps = closedMaps(schema);
    expect(maps).toHaveLength(6);
    for (const { properties } of maps)
      for (const [key, { description }] of Object.entries(properties!))
        expect([key, description]).toEqual([key, expect.any(String)]);
  });

  it('takes numbers where they are kept as they were written', () => {
    const [project] = (schema.additionalProperties as Schema).anyOf!;
    const scalar = ['string', 'number', 'boolean'];
    expect(project!.properties!.tags!.items!.type).toEqual(scalar);
    expect(project!.properties!.args!.additionalProperties).toMatchObject({ type: scalar });
    expect(project!.properties!.notify!.items!.enum).toContain('emailSes');
    expect(project!.properties!.build!.anyOf!.map(({ required }) => required)).toEqual([
      ['dockerfile', 'extract'],
      ['image', 'command'],
    ]);
  });
});
