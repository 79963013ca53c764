import { z } from 'zod';
import type { NotifyChannel } from '../../model/project.js';
import { build } from './builder.js';
import { commands } from './command.js';
import { anyScalar, closed, list, named, text } from './fields.js';
import { directory, file } from './places.js';
import { publish } from './publish.js';
import { imageName, registryPrefix } from './registry.js';
import { tagTemplate } from './tags.js';

/** What a project may be called. */
export const PROJECT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

const argName = `no name of a build arg; it must match ${NAME.source}`;
const args = z.record(
  z.string().regex(NAME),
  anyScalar('a text', (value) => value),
  { error: ({ code }) => (code === 'invalid_key' ? argName : 'a map of names to texts') },
);

/** As roger spells them, too. */
const channels = {
  github: 'github',
  slack: 'slack',
  webhook: 'webhook',
  email: 'email',
  githubStatus: 'github',
  emailSes: 'email',
  'email-ses': 'email',
} as const satisfies Record<string, NotifyChannel>;
const channel = z
  .enum(Object.keys(channels) as (keyof typeof channels)[], { error: 'one of github, slack, webhook, email' })
  .transform((name): NotifyChannel => channels[name]);

/** Keys of namshi/roger's files that its server knew or overwrote: what to do instead. They are ignored, with a warning. */
export const elsewhere = {
  branch:
    'the caller names the revision, with --revision; settings.matching says which ones a webhook builds',
  from: 'the caller names the repository, with --repo',
  repo: 'the caller names the repository, with --repo',
  name: "the key above it is the project's name",
  id: 'the caller may name a build with --id',
  homepage: 'nothing reads it',
  'github-token': 'tokens travel in the credentials document (git.token, notify.github.token)',
  notifications:
    "addresses and tokens travel in the credentials document ('notify'); here, notify lists channels",
};

export const projectSchema = closed(
  'a map of what to build, like {registry: registry.example.com}',
  {
    registry: text('the host of a registry, or dockerhub', registryPrefix)
      .optional()
      .describe("registry that the image is pushed to: a host, perhaps with a path, or 'dockerhub'"),
    image: text("an image's name, like team/app", imageName)
      .optional()
      .describe("the image's name, without a tag; the project's name where it is not given"),
    tags: list('a list of tags, like [latest, "{branch}"]', anyScalar('a tag', tagTemplate))
      .optional()
      .describe(
        'tags, with {branch}, {tag}, {sha}, {short} and {date} for those of the revision; the commit id where there are none',
      ),
    dockerfilePath: directory.optional().describe('directory of the context; default: the root'),
    dockerfile: file.optional().describe('Dockerfile, relative to the context; default: Dockerfile'),
    revfile: directory.optional().describe('directory in the context where rev.txt is written'),
    build: build.optional().describe('build in a container of its own, and make the image from the result'),
    args: args.optional().describe('build args'),
    secrets: list('a list of names', text('a name', named("secret's name", NAME)))
      .optional()
      .describe("names in 'secrets' of the credentials document that the build may read"),
    'after-build': commands
      .optional()
      .describe('commands to run in containers of the new image before anything is pushed'),
    publish: list("a list of maps with 'to', 'copy' and 'bucket'", publish)
      .optional()
      .describe('what of the new image to upload'),
    notify: list('a list of github, slack, webhook, email', channel)
      .optional()
      .describe('who is told of the outcome'),
  },
  elsewhere,
).meta({ title: 'project', description: 'one image: what it is made of, and where it goes' });

export type ProjectFields = z.output<typeof projectSchema>;
