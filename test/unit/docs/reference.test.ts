import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { settings } from '../../../src/settings.js';
import { catalogue } from '../../../src/model/errors.js';
import { eventSchema } from '../../../src/model/events.js';
import { resultSchema, statusOf } from '../../../src/model/result.js';
import { commands } from '../../../src/request/commands.js';
import { buildFlags } from '../../../src/request/flags.js';

/** Pages that list what the code has are made from the code: `npx vitest run test/unit/docs -u` writes them anew. */
const page = (name: string) => `../../../docs/reference/${name}`;
const cell = (text: string) => text.replaceAll('|', '\\|');
const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
const generated = '<!-- Made from the code by test/unit/docs/reference.test.ts; change it there. -->';

describe('docs/reference', () => {
  it('flags.md', async () => {
    const groups = buildFlags.map(({ title, flags }) => {
      const rows = flags.map((flag) => [
        `${flag.short ? `\`-${flag.short}\`, ` : ''}\`--${flag.name}${flag.value ? ` ${flag.value}` : ''}\`${flag.repeatable ? ' (repeatable)' : ''}`,
        flag.help,
      ]);
      return `## ${title}\n\n${table(['Flag', 'Meaning'], rows)}`;
    });
    const list = commands.map(({ usage, help, local }) => [
      `\`${usage}\``,
      `${help}${local ? ' (only where the program itself runs)' : ''}`,
    ]);
    await expect(`# Commands and flags

${generated}

${table(['Command', 'What it does'], list)}

\`--flag value\` and \`--flag=value\` are the same, and so are \`_\` and \`-\` in flag names. \`ssh\` joins its arguments with spaces before it sends them:
quote a value that holds spaces twice, as in \`ssh buildbot build … --build-arg "'GREETING=hello world'"\`. A value that begins with \`-\` needs the
form with \`=\`. Nothing is expanded: no variables, no globs, no operators.

# Flags of \`build\`

${groups.join('\n\n')}
`).toMatchFileSnapshot(page('flags.md'));
  });

  it('exit-codes.md', async () => {
    const rows = Object.entries(catalogue).map(([code, { exit, hint }]) => [
      String(exit),
      statusOf(exit),
      `\`${code}\``,
      hint,
    ]);
    await expect(`# Exit codes and failure codes

${generated}

The exit code tells a script what to do; \`failure.code\` in the result tells a person what it was. 255 is never used: it is ssh's own.

${table(['Exit', 'Status', 'Code', 'What to do'], rows)}
`).toMatchFileSnapshot(page('exit-codes.md'));
  });

  it('configuration.md', async () => {
    const rows = settings.map(({ key, fallback, choices, help, planned }) => [
      `\`BUILDBOT_${key.toUpperCase().replaceAll('-', '_')}\``,
      fallback === '' ? '' : `\`${fallback}\``,
      `${help}${choices ? `; one of ${choices.join(', ')}` : ''}${planned ? ' — **not supported yet**' : ''}`,
    ]);
    await expect(`# Configuration

${generated}

Environment variables of \`buildbot serve\`. \`BUILDBOT_CONFIG\` names a YAML file with the same keys in lower case (\`max-builds: 4\`); the
environment wins. Each has a \`…_FILE\` form that reads the value from a file (Docker and Swarm secrets). A variable that begins with \`BUILDBOT_\`
and is not one of these stops the start. \`SSH_PUBKEY_IN_INITIATE_BUILDS\` is another name for \`BUILDBOT_AUTHORIZED_KEYS\`.

${table(['Variable', 'Default', 'Meaning'], rows)}

With \`docker\` the engine is the one that \`DOCKER_HOST\` (with \`DOCKER_TLS_VERIFY\` and \`DOCKER_CERT_PATH\`) names, or else the one behind \`/var/run/docker.sock\`;
[how they are chosen, and what \`embedded\` needs](../deploy.md#which-engine).
Proxies for git are taken from \`HTTPS_PROXY\`, \`HTTP_PROXY\` and \`NO_PROXY\`, private CAs from \`SSL_CERT_FILE\` or \`GIT_SSL_CAINFO\`.
`).toMatchFileSnapshot(page('configuration.md'));
  });

  it('events.schema.json', async () => {
    const schema = {
      ...z.toJSONSchema(eventSchema),
      title: 'What `--output json` writes, one object per line',
      $defs: { result: { ...z.toJSONSchema(resultSchema), title: 'What `--output result` writes' } },
    };
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(page('events.schema.json'));
  });
});

it("README's exit table has every exit code", () => {
  const readme = readFileSync('README.md', 'utf8');
  const listed = [...readme.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  const exits = new Set([0, ...Object.values(catalogue).map(({ exit }) => exit)]);
  expect(listed).toEqual([...exits].toSorted((a, b) => a - b));
});
