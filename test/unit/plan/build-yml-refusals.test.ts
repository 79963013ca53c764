import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import { parseBuildYml } from '../../../src/plan/build-yml/parse.js';
import { refused } from './build-yml-refused.js';

const keys =
  'registry, image, tags, dockerfilePath, dockerfile, revfile, build, args, secrets, after-build, publish, notify';
const placeholders = '{branch}, {tag}, {sha}, {short}, {date}';
const command = 'a command: a text for sh -c, like "npm test", or a list without a shell, like [npm, test]';
const forms = "'dockerfile' and 'extract', or 'image' and 'command' (and 'extract', 'cache')";
const name = '^[A-Za-z_][A-Za-z0-9_.-]*$';

/** What is in the file, and the message behind `build.yml:`. */
const table: Record<string, [string, string][]> = {
  'the file': [
    ['', '1:1: it is empty; it takes at least a project: NAME:'],
    ['# nothing\n', '1:1: it is empty; it takes at least a project: NAME:'],
    ['{}', '1:1: it is empty; it takes at least a project: NAME:'],
    ['- a', '1:1: it takes projects by their names, not a list'],
    ['hello', '1:1: it takes projects by their names, not a text'],
    [
      'a:\nb: {\n',
      '3:1: it is not YAML 1.2: flow map in block collection must be sufficiently indented and end with a }',
    ],
    ['a:\n\tregistry: x', '2:1: it is not YAML 1.2: a tab cannot indent; use spaces'],
    ['a: "x\n', '2:1: it is not YAML 1.2: missing closing "quote'],
    ['a:\n---\nb:\n', '2:1: a second document begins here; write all in one'],
    ['a: !env X', '1:4: it is not YAML 1.2: unresolved tag: !env'],
    ['%YAML 1.3\n---\na:', '1:7: it is not YAML 1.2: unsupported YAML version 1.3'],
    ['a:\n  image: x\u0000y', '2:11: it holds the control character 0x00; it must be text'],
    ['a:\n  image: "x\\0y"', '2:10: a.image: it holds a NUL or half of a character; it must be text'],
    [
      String.raw`a: { image: "\ud800" }`,
      '1:13: a.image: it holds a NUL or half of a character; it must be text',
    ],
  ],
  keys: [
    ['a: {}\nb: {}\na: {}\n', '3:1: a: the same key stands above already'],
    ['a:\n  tags: [x]\n  "tags": [y]\n', '3:3: a.tags: the same key stands above already'],
    ['? [a]\n: {}', '1:3: a key must be a text'],
    ['a: {? {b: c} : d}', '1:7: a: a key must be a text; a value with {{ }} in it must be quoted'],
    [
      'a:\n  image: {{ b.image }}',
      '2:11: a.image: a key must be a text; a value with {{ }} in it must be quoted',
    ],
    [': x', '1:1: a key is empty'],
    ['"": x', '1:1: a key is empty'],
    ['__proto__: {}', "1:1: __proto__: '__proto__' is no name"],
    ['a: { args: { __proto__: x } }', "1:14: a.args.__proto__: '__proto__' is no name"],
    ['a: &a { args: *a }', '1:15: a.args: *a stands inside of what it names'],
    ['a: *b', '1:4: a: there is no &b before this *b'],
    ['a: { <<: x }', '1:10: a.<<: it takes an alias of a map, or a list of those'],
  ],
  projects: [
    [
      '_a:',
      "1:1: _a: '_a' is no project's name: at most 100 letters, digits and ._-, a letter or digit first",
    ],
    ['a: x', "1:4: a: it takes a map of what to build, like {registry: registry.example.com}, not 'x'"],
    ['a:\n  tgas: [x]', `2:3: a.tgas: unknown key; did you mean 'tags'? Accepted: ${keys}`],
    ['a: { constructor: x }', `1:6: a.constructor: unknown key; Accepted: ${keys}`],
    [
      'a:\n  image: UPPER\n  tgas: x',
      "2:10: a.image: 'UPPER' is not an image reference: 'UPPER' is not a path component: lower-case letters and digits, separated by one of . _ __ -",
    ],
  ],
  names: [
    [
      'a: { registry: https://r.example }',
      "1:16: a.registry: 'https://r.example' must be a host alone, without a scheme",
    ],
    [
      'a: { registry: company }',
      "1:16: a.registry: 'company' is no registry's host; write it like registry.example.com or localhost:5000",
    ],
    [
      'a: { registry: [r.example] }',
      '1:16: a.registry: it takes the host of a registry, or dockerhub, not a list',
    ],
    [
      'a: { registry: r.example, image: r.example/b }',
      "1:34: a.image: 'r.example/b' names a registry, and 'registry' another one; write it in one of the two",
    ],
    [
      'Aa:\n  registry: r.example',
      "2:13: Aa.registry: 'Aa' cannot be an image's name as it is; say 'image: NAME' as well",
    ],
    ['a: { image: "b:1" }', "1:13: a.image: 'b:1' holds a tag; write it in tags"],
    ['a: { image: }', "1:13: a.image: it takes an image's name, like team/app, not nothing"],
    ['a: { secrets: [A, B C] }', `1:19: a.secrets.1: 'B C' is no secret's name; it must match ${name}`],
    ['a: { args: { 1A: x } }', `1:14: a.args.1A: no name of a build arg; it must match ${name}`],
    ['a: { args: { A: [x] } }', '1:17: a.args.A: it takes a text, not a list'],
    ['a: { args: { A: } }', '1:17: a.args.A: it takes a text, not nothing'],
    ['a: { args: [A=x] }', '1:12: a.args: it takes a map of names to texts, not a list'],
  ],
  tags: [
    ['a: { tags: latest }', `1:12: a.tags: it takes a list of tags, like [latest, "{branch}"], not 'latest'`],
    [
      'a:\n  tags:\n    - x\n    - "v{brnch}"',
      `4:7: a.tags.1: '{brnch}' is no placeholder; did you mean {branch}? Accepted: ${placeholders}`,
    ],
    [
      'a: { tags: ["{constructor}"] }',
      `1:13: a.tags.0: '{constructor}' is no placeholder; Accepted: ${placeholders}`,
    ],
    [
      'a: { tags: [-x] }',
      "1:13: a.tags.0: '-x' makes no tag; a tag has at most 128 letters, digits, _, . and -, and starts with none of . and -",
    ],
    [
      'a: { tags: ["r.example/b:c"] }',
      "1:13: a.tags.0: 'r.example/b:c' makes no tag; a tag has at most 128 letters, digits, _, . and -, and starts with none of . and -",
    ],
  ],
  paths: [
    ['a: { dockerfilePath: a/../../b }', "1:22: a.dockerfilePath: 'a/../../b' must not hold '..'"],
    [
      'a: { dockerfilePath: /a }',
      "1:22: a.dockerfilePath: '/a' must be relative, without the slash in front",
    ],
    ['a: { dockerfilePath: "" }', "1:22: a.dockerfilePath: it is empty; '.' is the root"],
    ['a: { dockerfile: sub/ }', "1:18: a.dockerfile: 'sub/' is a directory, not a file"],
    ['a: { revfile: .. }', "1:15: a.revfile: '..' must not hold '..'"],
    [
      'a: { build: { dockerfile: d, extract: src } }',
      "1:39: a.build.extract: 'src' must be absolute: it is a path in the container",
    ],
    [
      'a: { build: { image: i, command: c, cache: [/a, ~] } }',
      '1:49: a.build.cache.1: it takes an absolute path in the container, like /src, not nothing',
    ],
    [
      'a: { build: { image: b, command: c, cache: [/c, /sys] } }',
      "1:49: a.build.cache.1: '/sys' cannot be a cache: /, /project, /run, /var/run, /proc, /sys, /dev and /run/secrets have another use",
    ],
    [
      'a: { publish: [{ to: s3, copy: /../x, bucket: bkt }] }',
      "1:32: a.publish.0.copy: '/../x' must not hold '..'",
    ],
  ],
  builder: [
    ['a: { build: {} }', `1:13: a.build: it takes ${forms}, not an empty map`],
    ['a: { build: x }', `1:13: a.build: it takes ${forms}, not 'x'`],
    [
      'a: { build: { image: i, dockerfile: d } }',
      `1:13: a.build: it takes ${forms}, not a map of 'image', 'dockerfile'`,
    ],
    [
      'a: { build: { dockerfle: d, extract: /s } }',
      "1:15: a.build.dockerfle: unknown key; did you mean 'dockerfile'? Accepted: dockerfile, extract",
    ],
    ['a: { build: { image: i } }', `1:13: a.build.command: missing; it takes ${command}`],
    ['a: { build: { image: i, command: [] } }', '1:34: a.build.command: the command is empty'],
    [
      'a: { build: { image: i, command: [x, {}] } }',
      '1:38: a.build.command.1: it takes a text, not an empty map',
    ],
  ],
  'commands, publish, notify': [
    [
      'a: { after-build: { x: y } }',
      "1:19: a.after-build: it takes a list of commands, like [npm test, make lint], not a map of 'x'",
    ],
    ['a: { after-build: [ls, " "] }', '1:24: a.after-build.1: the command is empty'],
    ['a: { after-build: [[""]] }', '1:20: a.after-build.0: the command is empty'],
    [
      'a: { publish: { to: s3 } }',
      "1:15: a.publish: it takes a list of maps with 'to', 'copy' and 'bucket', not a map of 'to'",
    ],
    ['a: { publish: [{ to: ftp, copy: /x, bucket: bkt }] }', "1:22: a.publish.0.to: it takes s3, not 'ftp'"],
    [
      'a:\n  publish:\n    - to: s3\n      copy: /x\n',
      '3:7: a.publish.0.bucket: missing; it takes the name of a bucket',
    ],
    [
      'a: { publish: [{ to: s3, copy: /x, bucket: a/b }] }',
      "1:44: a.publish.0.bucket: 'a/b' is no bucket's name; it must match ^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$",
    ],
    [
      'a: { notify: [github, irc] }',
      "1:23: a.notify.1: it takes one of github, slack, webhook, email, not 'irc'",
    ],
  ],
  settings: [
    [
      'settings: { matchin: {} }',
      "1:13: settings.matchin: unknown key; did you mean 'matching'? Accepted: matching",
    ],
    [
      'settings: { matching: { tags: yes } }',
      "1:31: settings.matching.tags: it takes true or false, not 'yes'",
    ],
    [
      'settings: { matching: { branches: main } }',
      "1:35: settings.matching.branches: it takes a list of branches, like [main], not 'main'",
    ],
    [
      "settings: { matching: { patterns: ['('] } }",
      '1:36: settings.matching.patterns.0: Invalid regular expression: /(/: Unterminated group',
    ],
    [
      `settings: { matching: { patterns: [${'a'.repeat(201)}] } }`,
      '1:36: settings.matching.patterns.0: the regular expression has 201 characters; at most 200 are accepted',
    ],
  ],
  references: [
    [
      "a: { image: '{{ a.imag }}' }",
      "1:13: a.image: there is no 'a.imag' for '{{ }}' to refer to, did you mean 'a.image'?",
    ],
    ["a: { image: '{{ a.image }}' }", "1:13: a.image: '{{ a.image }}' leads back to itself"],
    [
      "a: { args: { A: '{{ b.args.B }}' } }\nb: { args: { B: 'x{{ a.args.A }}' } }",
      "2:17: b.args.B: '{{ a.args.A }}' leads back to itself",
    ],
    ["a: { args: { A: '{{ a }}' } }", "1:17: a.args.A: '{{ a }}' leads back to itself"],
    [
      "a: { args: { A: 'x {{ b.tags }}' } }\nb: { tags: [c] }",
      "1:17: a.args.A: '{{ b.tags }}' is a list, and only a text can stand inside of a text",
    ],
    [
      "a: { args: { A: 'x {{ b }}' } }\nb:",
      "1:17: a.args.A: '{{ b }}' is empty, and only a text can stand inside of a text",
    ],
    [
      "a: { tags: '{{ b.image }}' }\nb: { image: c }",
      `1:12: a.tags: it takes a list of tags, like [latest, "{branch}"], not 'c'`,
    ],
    [
      "a: { image: '{{ b.args.X }}' }\nb: { args: { X: UPPER } }",
      "1:13: a.image: 'UPPER' is not an image reference: 'UPPER' is not a path component: lower-case letters and digits, separated by one of . _ __ -",
    ],
  ],
};

describe.each(Object.entries(table))('%s', (_, rows) => {
  it.each(rows)('%j', (text, message) => {
    expect(refused(text)).toBe(`build.yml:${message}`);
  });
});

it('names the file, the code and the page', () => {
  const parse = () => parseBuildYml('a: x', 'sub/build.yml');
  expect(parse).toThrow(Failure);
  expect(parse).toThrow(/^sub\/build\.yml:1:4: a: /);
  expect(() => parseBuildYml('a: x')).toThrow(
    expect.objectContaining({ code: 'BUILD_YML_INVALID', hint: 'see docs/reference/build-yml.md' }),
  );
});

it("does not let a file's text move a terminal's cursor or fill the screen", () => {
  expect(refused('"a\\e[2J\\u202e\\u2028": {}')).toContain("'a?[2J??'");
  expect(refused(`a: { ${'k'.repeat(900)}: x }`).length).toBeLessThan(600);
  expect(refused(`a: { image: ${'k'.repeat(9000)} }`).length).toBeLessThan(600);
});
