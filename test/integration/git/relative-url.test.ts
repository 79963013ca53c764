import { expect, test } from 'vitest';
import { resolveRelativeUrl } from '../../../src/adapters/git/submodules/relative-url.js';
import { createRepository } from './lab.js';

test.each([
  ['https://forge.example/team/app.git', '../lib.git'],
  ['https://forge.example/team/app.git/', '../lib.git/'],
  ['https://forge.example/team/app.git', './sub.git'],
  ['https://forge.example/team/app.git', '../../other/lib.git'],
  ['https://forge.example/team/app.git', '../../../../evil.example/x'],
  ['https://forge.example/team/app.git', '.././../lib.git'],
  ['https://forge.example/team/app.git', '../'],
  ['https://forge.example/team/app.git', 'https://other.example/x'],
  ['git@forge.example:team/app.git', '../lib.git'],
  ['git@forge.example:team/app.git', '../../other/lib.git'],
  ['git@forge.example:app.git', '../lib.git'],
  ['ssh://git@forge.example:22/app.git', '../lib.git'],
  ['ssh://git@forge.example:22/app.git', '../../../x'],
  ['file:///srv/git/app.git', '../lib.git'],
])('%s and %s give what git makes of them', (parent, url) => {
  const repository = createRepository();
  const id = repository.commit({ '.gitmodules': `[submodule "s"]\n\tpath = s\n\turl = ${url}\n` });
  repository.git('update-index', '--add', '--cacheinfo', `160000,${id},s`);
  repository.git('config', 'remote.origin.url', parent);
  repository.git('submodule', '--quiet', 'init');
  expect(resolveRelativeUrl(url, parent)).toBe(repository.git('config', 'submodule.s.url'));
});

test('what leads above everything is nothing', () => {
  expect(resolveRelativeUrl('../../../x', 'git@forge.example:app')).toBe(undefined);
});
