import { describe, expect, it } from 'vitest';
import type { ProjectSpec } from '../../../src/model/project.js';
import { parseBuildYml } from '../../../src/plan/build-yml/parse.js';

const nothing = { tags: [], args: new Map(), secrets: [], tests: [], publish: [], notify: [] };

function project(name: string, fields: Partial<ProjectSpec> = {}): ProjectSpec {
  return { name, ...nothing, ...fields };
}

/** Without what is there for messages alone. */
function bare({ places: _places, warnings: _warnings, ...spec }: ProjectSpec): ProjectSpec {
  return spec;
}

function only(text: string): ProjectSpec {
  const { projects } = parseBuildYml(text);
  expect(projects).toHaveLength(1);
  return projects[0]!;
}

const s3 = {
  to: 's3',
  copy: '/src/build/public',
  bucket: 'my-bucket',
  bucketPath: 'initial-path',
  command: 'gulp build',
} as const;

describe("the examples of roger's README (namshi/roger 9d9a250 and 18b8554)", () => {
  const examples: [string, string, ProjectSpec[]][] = [
    [
      'a registry',
      'redis:\n  registry: registry.company.com\n',
      [project('redis', { image: 'registry.company.com/redis' })],
    ],
    [
      'a port',
      'redis:\n  registry:   127.0.0.1:5001\n',
      [project('redis', { image: '127.0.0.1:5001/redis' })],
    ],
    ['Docker Hub', 'redis:\n  registry:     dockerhub\n', [project('redis', { image: 'redis' })]],
    [
      'everything',
      `redis:
  dockerfilePath: some/subdir # comment
  registry:       127.0.0.1:5001
  revfile:        somedir
  after-build:
    - ls -la
    - npm test
  notify:
    - github
    - emailSes
    - slack
  publish:
    -
      to: s3
      copy: /src/build/public/
      bucket: my-bucket
      bucketPath: initial-path
      command: gulp build
`,
      [
        project('redis', {
          image: '127.0.0.1:5001/redis',
          contextPath: 'some/subdir',
          revfile: 'somedir',
          tests: ['ls -la', 'npm test'],
          notify: ['github', 'email', 'slack'],
          publish: [s3],
        }),
      ],
    ],
    [
      'two projects',
      'redis:\n  dockerfilePath: src\nredis-server:\n  dockerfilePath: server/src\n',
      [project('redis', { contextPath: 'src' }), project('redis-server', { contextPath: 'server/src' })],
    ],
    [
      'a builder, indented',
      '  project:\n    build:\n      dockerfile: dockerfile.build\n      extract: /src\n',
      [
        project('project', {
          builder: { kind: 'dockerfile', dockerfile: 'dockerfile.build', extract: '/src' },
        }),
      ],
    ],
    [
      'a builder',
      'myProject:\n  build:\n    dockerfile: Dockerfile.build\n    extract: /src\n',
      [
        project('myProject', {
          builder: { kind: 'dockerfile', dockerfile: 'Dockerfile.build', extract: '/src' },
        }),
      ],
    ],
    ['notify', 'my-project:\n  notify:\n    - github\n', [project('my-project', { notify: ['github'] })]],
    [
      'publish',
      'myproject:\n  publish:\n    -\n      to: s3\n      copy: /src/build/public/\n      bucket: my-bucket\n' +
        '      bucketPath: initial-path\n      command: gulp build\n',
      [project('myproject', { publish: [s3] })],
    ],
    [
      'after-build',
      'my-node-app:\n  registry: registry.company.com\n  after-build:\n    - npm test\n',
      [project('my-node-app', { image: 'registry.company.com/my-node-app', tests: ['npm test'] })],
    ],
  ];
  it.each(examples)('%s', (_, text, projects) => {
    const parsed = parseBuildYml(text);
    expect(parsed.settings).toEqual({});
    expect(parsed.projects.map(bare)).toEqual(projects);
  });

  it.each(['emailSes', 'slack'])('%s, with keys that meant something to its server', (channel) => {
    const text = `my-project:\n  branch:       master\n  from:         https://github.com/me/awesome-project\n  notify:\n    - ${channel}\n`;
    const { projects } = parseBuildYml(text);
    const notify = [channel === 'slack' ? 'slack' : 'email'] as const;
    expect(projects.map(bare)).toEqual([project('my-project', { notify })]);
    expect(projects[0]!.warnings).toEqual([
      'build.yml:2:3: my-project.branch: ignored: the caller names the revision, with --revision; settings.matching says which ones a webhook builds',
      'build.yml:3:3: my-project.from: ignored: the caller names the repository, with --repo',
    ]);
  });

  it('what else its server set, each with a warning', () => {
    const keys = ['id', 'name', 'repo', 'homepage', 'github-token', 'notifications'];
    const { warnings } = only(`a: { ${keys.map((key) => `${key}: [x]`).join(', ')} }`);
    expect(warnings!.map((line) => /a\.([\w-]+): ignored: ./.exec(line)![1])).toEqual(keys);
  });

  it('settings.matching', () => {
    const text = `redis:
  registry: dockerhub
settings:
  matching:
    branches:
      - master
      - develop
    patterns:
      - ^v\\d+\\.\\d+\\.\\d+$
`;
    const { settings, projects } = parseBuildYml(text);
    expect(settings.matching).toEqual({
      branches: ['master', 'develop'],
      patterns: [String.raw`^v\d+\.\d+\.\d+$`],
      tags: false,
    });
    expect(projects.map(bare)).toEqual([project('redis', { image: 'redis' })]);
    expect(parseBuildYml('r: {}\nsettings: { matching: { tags: true } }').settings.matching?.tags).toBe(true);
  });
});

describe('parseBuildYml', () => {
  it('keeps what YAML would take for a number, a boolean or a date as it was written', () => {
    const { tags, args, builder } = only(`
a:
  tags: [1.10, 2024-01-02, 010, TRUE]
  args: { VERSION: 1.10, OCTAL: 0o17, BIG: 12345678901234567890, DEBUG: True, NO: no, EMPTY: '', TAB: "a\\tb" }
  build: { image: 'node:24', command: [sleep, 1.50] }
`);
    expect(tags).toEqual(['1.10', '2024-01-02', '010', 'TRUE']);
    expect(Object.fromEntries(args)).toEqual({
      VERSION: '1.10',
      OCTAL: '0o17',
      BIG: '12345678901234567890',
      DEBUG: 'True',
      NO: 'no',
      EMPTY: '',
      TAB: 'a\tb',
    });
    expect(builder).toMatchObject({ command: ['sleep', '1.50'] });
  });

  it('knows both forms of a builder, and both of a command', () => {
    const { builder, tests } = only(`
web:
  build: { image: 'node:24', command: [npm, run, build], cache: [/root//.npm/, /root/.npm] }
  after-build: [npm test, [npm, run, lint]]
`);
    expect(builder).toEqual({
      kind: 'image',
      image: 'node:24',
      command: ['npm', 'run', 'build'],
      extract: '/project',
      cache: ['/root/.npm'],
    });
    expect(tests).toEqual(['npm test', ['npm', 'run', 'lint']]);
    expect(only('a: { after-build: npm test }').tests).toEqual(['npm test']);
  });

  const images: [string, string | undefined][] = [
    ['{}', undefined],
    ['', undefined],
    ['{ image: team/app }', 'team/app'],
    ['{ image: registry.example/team/app }', 'registry.example/team/app'],
    ['{ registry: registry.example, image: team/app }', 'registry.example/team/app'],
    ['{ registry: ghcr.io/team/, image: app }', 'ghcr.io/team/app'],
    ['{ registry: ghcr.io/team }', 'ghcr.io/team/a'],
    ['{ registry: localhost }', 'localhost/a'],
    ["{ registry: '[::1]:5000' }", '[::1]:5000/a'],
    ['{ registry: docker.io, image: team/app }', 'team/app'],
    ['{ registry: dockerhub, image: team/app }', 'team/app'],
  ];
  it.each(images)('image of %s', (fields, image) => {
    expect(only(`a: ${fields}`).image).toBe(image);
  });

  it('normalizes paths', () => {
    const text =
      'a: { dockerfilePath: ./x//y/, dockerfile: ././d/File, revfile: ./, publish: [{ to: s3, copy: //a/./b/, bucket: bkt, bucketPath: //p//q/ }] }';
    expect(only(text)).toMatchObject({
      contextPath: 'x/y',
      dockerfile: 'd/File',
      revfile: '',
      publish: [{ copy: '/a/b', bucketPath: 'p/q' }],
    });
    expect(only('a: { dockerfilePath: . }')).not.toHaveProperty('contextPath');
  });

  it('merges what is said twice', () => {
    const text =
      'a: { tags: [x, x], secrets: [S, S], notify: [email, emailSes, email-ses, githubStatus, github, slack] }';
    expect(only(text)).toMatchObject({ tags: ['x'], secrets: ['S'], notify: ['email', 'github', 'slack'] });
  });

  it('keeps the order of the projects, whatever they are called', () => {
    const { projects } = parseBuildYml('zeta:\n10: {}\nconstructor: { args: { toString: x } }\n2:\ntrue:\n');
    expect(projects.map(({ name }) => name)).toEqual(['zeta', '10', 'constructor', '2', 'true']);
    expect(projects[2]!.args).toEqual(new Map([['toString', 'x']]));
  });

  it('takes settings alone', () => {
    expect(parseBuildYml('settings: { matching: {} }')).toEqual({
      settings: { matching: { branches: [], patterns: [], tags: false } },
      projects: [],
    });
    expect(parseBuildYml('settings:\na:\n').settings).toEqual({});
  });

  it('reads JSON, CRLF, a byte order mark, anchors and merge keys', () => {
    expect(only('{"a": {"image": "b"}}').image).toBe('b');
    expect(only('\uFEFFa:\r\n  image: b\r\n').image).toBe('b');
    const { projects } = parseBuildYml(`
x: &x { registry: r.example, tags: [a], secrets: &s [S] }
y: &y { dockerfilePath: sub, tags: [y] }
z: { <<: [*y, *x], secrets: *s, image: own }
`);
    expect(bare(projects[2]!)).toEqual(
      project('z', { image: 'r.example/own', contextPath: 'sub', tags: ['y'], secrets: ['S'] }),
    );
  });
});

describe('references', () => {
  it('stand for other values, wherever those stand', () => {
    const { projects } = parseBuildYml(`
web: { registry: '{{ redis-1.registry }}', tags: '{{redis-1.tags}}', args: '{{ redis-1.args }}' }
redis-1: { registry: '{{ settings.matching.branches.0 }}:5000', tags: [1.10, '{branch}'], args: { A: 'x{{ redis-1.tags.0 }}y{{ v1.2.image }}' } }
v1.2: { image: n }
settings: { matching: { branches: [r.example] } }
`);
    const args = new Map([['A', 'x1.10yn']]);
    expect(bare(projects[0]!)).toEqual(
      project('web', { image: 'r.example:5000/web', tags: ['1.10', '{branch}'], args }),
    );
    expect(projects[1]!.args).toEqual(args);
  });

  it('leave other braces alone, and can be written down themselves', () => {
    const command = "docker inspect -f '{{.Id}} {{ range .X }}' {{ '{{end}}' }} {{ '{{ a.image }}' }}";
    const text = `a: { image: b, after-build: [${JSON.stringify(command)}, '{{ a.after-build.0 }}'] }`;
    const expected = "docker inspect -f '{{.Id}} {{ range .X }}' {{end}} {{ a.image }}";
    expect(only(text).tests).toEqual([expected, expected]);
  });

  it('lead through a reference to a map', () => {
    const { projects } = parseBuildYml(`
a: { args: '{{ b.args }}', image: '{{ a.args.NAME }}' }
b: { args: { NAME: d, OTHER: c, BRACES: "{{ '{{ a.image }}' }}" }, image: '{{ a.args.OTHER }}', secrets: ['{{ a.args.OTHER }}'] }
c: { after-build: '{{ a.args.BRACES }}' }
`);
    expect(projects.map(({ image }) => image)).toEqual(['d', 'c', undefined]);
    expect(projects[2]!.tests).toEqual(['{{ a.image }}']);
  });
});
