import { expect, it } from 'vitest';
import { keyTypes } from '../../../src/ssh/publickey.js';
import { optionSpecs, type OptionSpec } from '../../../src/ssh/option-table.js';

const cell = (text: string) => text.replaceAll('|', '\\|');

function row({ name, value, negatable, help }: OptionSpec): string {
  const spelling = value === undefined ? `\`${name}\`` : `\`${name}="${value}"\``;
  return `| ${cell(negatable ? `${spelling}, \`no-${name}\`` : spelling)} | ${cell(help)} |`;
}

it('docs/reference/authorized-keys.md is made from the code: npx vitest run test/unit/docs -u', async () => {
  await expect(`# Keys and what they may do

<!-- Made from the code by test/unit/docs/authorized-keys.test.ts; change it there. -->

\`BUILDBOT_AUTHORIZED_KEYS\`, or the file that \`BUILDBOT_AUTHORIZED_KEYS_FILE\` names, is an \`authorized_keys\` file as sshd(8) has it. The file is read
again when it changes. Nobody gets in by a line that is not wholly understood; the log names it (\`authorized key not usable\`).

\`\`\`
ssh-ed25519 AAAA… ada@laptop
from="10.0.0.0/8",expiry-time="20261231",permit-image="registry.example/team/*" ssh-ed25519 AAAA… ci of team a
command="build --repo git@forge.example:team/app.git --image registry.example/app --tag latest",restrict ssh-ed25519 AAAA… deploy
permit-commands="status,cancel,all" sk-ssh-ed25519@openssh.com AAAA… operator
cert-authority,principals="deployers",max-builds="4" ssh-ed25519 AAAA… the CA
\`\`\`

Types of keys: ${keyTypes.map((type) => `\`${type}\``).join(', ')}. RSA needs 2048 bits and signs with SHA-2 alone.

## Options

In front of the key, joined by commas, names in any case, values in double quotes (\`\\"\` is a quote in them). Where a key has several lines, the first
that lets it in counts.

| Option | Meaning |
| --- | --- |
${optionSpecs.map(row).join('\n')}

Any other option makes the line invalid, those of sshd included that promise what this runner does not do: \`environment\`, \`permitopen\`,
\`permitlisten\`, \`tunnel\`.

What a key may not do ends with exit code 5 and a line that names the option and what it allows.

### Patterns

\`permit-repo\` and \`permit-image\` take PATTERNS of ssh_config(5), joined by commas: \`*\` is any number of characters, \`?\` is one, and a pattern with
\`!\` in front takes back what others permit.

- **\`permit-repo="https://forge.example/team/*"\`**, \`"git@forge.example:team/*"\`, \`"ssh://git@forge.example:2222/team/*"\`. A \`*\` before the path does not reach
  into the path. Case of the host, the usual port, a \`.git\` or slash at the end make no difference, and a pattern without a user is good for any. A path
  with \`.\` or \`..\` in it is permitted to nobody, and neither is a context on stdin. \`git@host:path\` and \`ssh://git@host/path\` are not the same on every
  server: permit the one that is meant; so are \`ssh://hg@host/path\`, below the home directory for Mercurial, and \`ssh://hg@host//path\`, below the root. A \`!\`
  pattern also denies all of those, other users, and the other case of letters, and beside one no path of SSH may begin with \`~\`; yet a list of what
  is permitted is safer than one of what is not.
- **\`permit-image="registry.example/team/*,registry.example/app:latest"\`**. Without a tag, any tag. A \`*\` before the first slash does not reach behind it,
  and \`*\` alone is every image. Looked at once \`build.yml\` is read and before anything is built, also with \`--no-push\`.

### Forced commands

\`command="build --image registry.example/app"\`: the caller may give nothing, or the same command with other flags (\`ssh HOST build --repo …\`). A flag that stands in the forced
command cannot be given again, not even a repeatable one, nor what would get around it: \`--no-push\` where it has \`--push\`, \`--context\` where it has
\`--repo\`, a \`--tag\` that is a full reference where it has \`--image\`. \`help\` and \`version\` remain. All other flags stay the caller's, also those that
change what is built (\`--file\`, \`--build-arg\`, \`--builder-command\`): force them too where that matters.

## Security keys

A FIDO key signs that it was touched; \`no-touch-required\` does without, \`verify-required\` also wants a PIN or a fingerprint.

## Certificates

A line with \`cert-authority\` lets in who has a user certificate of that authority (\`ssh-keygen -s ca -I ID -n PRINCIPALS key.pub\`), in its time, if one of
its principals is in \`principals="…"\` or else is the name that the client logs in with (\`ssh -l NAME\`). A certificate without principals is good for
nobody. The rights are those of the line, less what the certificate does not permit: \`force-command\` (where the line has \`command=\` too, both have to
be the same), \`source-address\`, \`verify-required\`, and the extensions \`permit-pty\`, \`permit-agent-forwarding\`, \`permit-port-forwarding\`,
\`no-touch-required\`. A critical option that is not known refuses the certificate. An authority that signs with SHA-1 is none, and a certificate signs no
other. The key in a certificate is who the caller is (\`status\`, \`attach\`, \`cancel\`), its ID is shown as the comment.
`).toMatchFileSnapshot('../../../docs/reference/authorized-keys.md');
});
