// The import law of ARCHITECTURE.md. `npm run law` holds src to it; type imports count.
const room = (name, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^src/${name}` },
  to: { pathNot: [`^src/${name}`, ...allowed] },
});

const npm = (...names) => names.map((name) => `(^|/)node_modules/(@types/)?${name}/`);
const rooms = (...names) => names.map((name) => `^src/${name}(/|\\.ts$)`);
const node = (...names) => names.map((name) => `^(node:)?${name}(/|$)`);
const anyNode =
  '^(node:)?(assert|buffer|child_process|crypto|dns|events|fs|http|http2|https|module|net|os|path|process|stream|string_decoder|timers|tls|url|util|zlib)(/|$)';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nobody-imports-main', severity: 'error', from: {}, to: { path: '^src/main\\.ts$' } },
    {
      name: 'steps-never-each-other',
      severity: 'error',
      from: { path: '^src/steps/([^/]+)' },
      to: { path: '^src/steps/', pathNot: '^src/steps/$1' },
    },
    room('model/', [...npm('zod'), ...node('util')], 'the vocabulary imports nothing but a schema library'),
    room('yaml/', [...npm('yaml')], 'hostile YAML, read with bounds'),
    room('request/', [...rooms('model', 'yaml'), ...npm('minimist', 'yaml', 'zod'), ...node('crypto')]),
    room('plan/', [...rooms('model', 'yaml'), ...npm('yaml', 'zod')], 'pure: no port, no world'),
    room('ports', [...rooms('model')], 'types only'),
    room('steps/', rooms('model', 'plan', 'ports'), 'a step knows no door and no adapter'),
    room('run/', [...rooms('model', 'plan', 'steps', 'ports'), ...node('crypto')]),
    room('output/', [...rooms('model'), ...npm('string-width'), ...node('stream')]),
    room(
      'commands/',
      [...rooms('model', 'request', 'output', 'run', 'ports'), ...node('stream')],
      'one verb per file, the same for every door',
    ),
    room('ssh/', [...rooms('model'), ...npm('ssh2'), anyNode], 'what it needs arrives as an argument'),
    room(
      'adapters/git/',
      [...rooms('model', 'ports', 'adapters/vcs'), ...npm('simple-git'), anyNode],
      'adapters never import each other',
    ),
    room('adapters/hg/', [...rooms('model', 'ports', 'adapters/vcs', 'adapters/tar-entries'), anyNode]),
    room('adapters/vcs/', [...rooms('model', 'ports'), anyNode], 'what git and Mercurial have in common'),
    room('adapters/docker/', [
      ...rooms(
        'model',
        'ports',
        'adapters/buildkit',
        'adapters/context',
        'adapters/retry-after',
        'adapters/tar-entries',
      ),
      ...npm('dockerode', 'docker-modem', 'tar-stream'),
      anyNode,
    ]),
    room('adapters/context/', [...rooms('model'), anyNode], 'what a caller sends as a build context'),
    room(
      'adapters/embedded/',
      [...rooms('model', 'adapters/start-time'), ...node('readline'), anyNode],
      'a dockerd of the runner: started, watched, ended',
    ),
    room('adapters/s3/', [...rooms('model', 'ports'), ...npm('@aws-sdk', 'mime'), ...node('stream')]),
    room('adapters/notify/', [
      ...rooms('model', 'ports', 'adapters/retry-after'),
      ...npm('@octokit/endpoint', 'nodemailer'),
      anyNode,
    ]),
    room('adapters/buildkit/', [...rooms('model', 'ports'), anyNode]),
    room(
      'adapters/[^/]+\\.ts',
      [...rooms('model', 'ports'), ...npm('tar-stream'), anyNode],
      'spool, workspace, clock, and what is shared and kept on disk',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
    },
  },
};
