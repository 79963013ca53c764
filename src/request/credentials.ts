import { isScalar, LineCounter, visit, type Document, type YAMLMap } from 'yaml';
import { z } from 'zod';
import type {
  Credentials,
  NotifyCredentials,
  RegistryCredential,
  S3Credential,
} from '../model/credentials.js';
import { Failure } from '../model/errors.js';
import { Secret } from '../model/secret.js';
import { readDocument } from '../yaml/document.js';
import { registryHost } from './registry-host.js';

/** Bytes that a credentials document may have. */
export const MAX_CREDENTIALS = 2 ** 20;

// The library looks through all of the document for each of them: thousands would take it seconds.
const MAX_ALIASES = 100;

const text = z.string();
const registry = z.union([
  z.strictObject({ username: text, password: text }),
  z.strictObject({ identityToken: text }),
]);
const dockerAuth = z.object({
  auth: text.optional(),
  username: text.optional(),
  password: text.optional(),
  identitytoken: text.optional(),
});

/** The document as callers write it; docs/reference/credentials.md shows it whole. */
const documentSchema = z.strictObject({
  git: z
    .strictObject({ sshKey: text.optional(), username: text.optional(), token: text.optional() })
    .optional(),
  knownHosts: text.optional(),
  registries: z.record(text, registry).optional(),
  dockerConfig: z.object({ auths: z.record(text, dockerAuth).optional() }).optional(),
  secrets: z.record(text, text).optional(),
  s3: z
    .strictObject({
      accessKeyId: text,
      secretAccessKey: text,
      sessionToken: text.optional(),
      region: text.optional(),
      endpoint: z.url().optional(),
    })
    .optional(),
  notify: z
    .strictObject({
      github: z.strictObject({ token: text, apiUrl: z.url().optional() }).optional(),
      slack: z.strictObject({ url: z.url() }).optional(),
      webhook: z.strictObject({ url: z.url(), secret: text.optional() }).optional(),
      email: z.strictObject({ from: text, to: z.array(text).optional(), smtp: z.url() }).optional(),
    })
    .optional(),
});

/** What the document says; whose it is, and an agent, come with the connection. */
export type CredentialsDocument = Omit<Credentials, 'owner' | 'agent'>;

/** YAML or JSON → what it lends. Throws Failure CREDENTIALS_INVALID with line and column, and never shows a value. */
export function parseCredentials(source: string): CredentialsDocument {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of source.matchAll(/\n/g)) lines.addNewLine(index + 1);
  // The library's sentences may repeat what stands in the document; its codes do not.
  const document = readDocument(source, ({ offset, why, code }) => {
    const shown = code === undefined ? why : `it is not YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
    return invalid(`${position(lines, offset)}: ${shown}`);
  });
  const parsed = documentSchema.safeParse(toPlain(document, lines) ?? {});
  if (parsed.success) return toCredentials(parsed.data);
  const issue = deepest(parsed.error.issues[0]!);
  const node: unknown = document.getIn(issue.path.slice(0, -1), true) ?? document.contents;
  const offset =
    (document.getIn(issue.path, true) as { range?: [number] } | undefined)?.range?.[0] ??
    (node as { range?: [number] }).range?.[0] ??
    0;
  throw invalid(`${position(lines, offset)}: ${describe(issue)}`);
}

function toPlain(document: Document.Parsed, lines: LineCounter): unknown {
  let aliases = 0;
  visit(document, {
    Map: (_, map) => checkKeys(map, lines),
    Alias: () => (++aliases > MAX_ALIASES ? visit.BREAK : undefined),
  });
  if (aliases > MAX_ALIASES) throw invalid(`it has more than ${MAX_ALIASES} aliases`);
  try {
    return document.toJS({ maxAliasCount: 20 });
  } catch {
    throw invalid('its aliases refer to too much');
  }
}

// The last of two would win, and the value of the first would be no secret.
function checkKeys(map: YAMLMap, lines: LineCounter): void {
  const seen = new Set<string>();
  for (const { key } of map.items) {
    const { range } = key as { range?: [number] };
    const refuse = (why: string) => invalid(`${position(lines, range?.[0] ?? 0)}: ${why}`);
    if (!isScalar(key)) throw refuse('a key has to be plain text');
    const name = String(key.value);
    if (seen.has(name)) throw refuse('the same key stands above already');
    seen.add(name);
  }
}

type Issue = { path: PropertyKey[]; code: string; message: string; keys?: string[]; errors?: Issue[][] };

// A union's own issue says nothing; the alternative that got farthest does.
function deepest(issue: unknown): Issue {
  const { errors, ...self } = issue as Issue;
  const inner = errors?.toSorted(
    (a, b) => (a.length > 0 ? a.length : 99) - (b.length > 0 ? b.length : 99),
  )[0]?.[0];
  return inner ? deepest({ ...inner, path: [...self.path, ...inner.path] }) : self;
}

// zod's sentences show no values, only names and types.
function describe({ path, code, message, keys }: Issue): string {
  const where = path.map(nameOf).join('.');
  if (code === 'unrecognized_keys')
    return `unknown key '${[where, nameOf(keys?.[0] ?? '')].filter(Boolean).join('.')}'`;
  return `${where || 'the document'}: ${message.replace(/^Invalid input: /, '')}`;
}

/** Without a blank after its colon a key is the key and its secret value: `NPM_TOKEN:abc`. So is a value that stands where a key should. */
function nameOf(key: PropertyKey): string {
  const text = String(key);
  const isName =
    /^[A-Za-z_][A-Za-z_-]{0,31}$|^s3$|^\d{1,3}$|^localhost(?::\d{1,5})?$|^[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?$/.test(
      text,
    );
  return isName ? text : `${/^[A-Za-z_-]{1,32}(?=:)/.exec(text)?.[0] ?? ''}…`;
}

function position(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `line ${line}, column ${col}`;
}

function invalid(why: string): Failure {
  return new Failure('CREDENTIALS_INVALID', `credentials document: ${why}`);
}

function toCredentials(document: z.infer<typeof documentSchema>): CredentialsDocument {
  const {
    git = {},
    knownHosts = '',
    registries = {},
    dockerConfig,
    secrets = {},
    s3,
    notify = {},
  } = document;
  return {
    git: {
      ...(git.sshKey !== undefined && { sshKey: new Secret(git.sshKey) }),
      ...(git.username !== undefined && { username: git.username }),
      ...(git.token !== undefined && { token: new Secret(git.token) }),
    },
    knownHosts,
    registries: new Map([
      ...Object.entries(dockerConfig?.auths ?? {}).flatMap(([key, auth]) => fromDockerConfig(key, auth)),
      ...Object.entries(registries).map(([key, value]) => [registryHost(key), fromDocument(value)] as const),
    ]),
    secrets: new Map(Object.entries(secrets).map(([name, value]) => [name, new Secret(value)])),
    ...(s3 && { s3: toS3(s3) }),
    notify: toNotify(notify),
  };
}

type Lent = z.infer<typeof documentSchema>;

function toS3({
  accessKeyId,
  secretAccessKey,
  sessionToken,
  region,
  endpoint,
}: NonNullable<Lent['s3']>): S3Credential {
  return {
    accessKeyId,
    secretAccessKey: new Secret(secretAccessKey),
    ...(sessionToken !== undefined && { sessionToken: new Secret(sessionToken) }),
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  };
}

function toNotify({ github, slack, webhook, email }: NonNullable<Lent['notify']>): NotifyCredentials {
  const apiUrl = github?.apiUrl === undefined ? {} : { apiUrl: github.apiUrl };
  const secret = webhook?.secret === undefined ? {} : { secret: new Secret(webhook.secret) };
  return {
    ...(github && { github: { token: new Secret(github.token), ...apiUrl } }),
    ...(slack && { slack: { url: new Secret(slack.url) } }),
    ...(webhook && { webhook: { url: new Secret(webhook.url), ...secret } }),
    ...(email && {
      email: { from: email.from, to: email.to ?? ['committer'], smtp: new Secret(email.smtp) },
    }),
  };
}

function fromDocument(value: z.infer<typeof registry>): RegistryCredential {
  if ('identityToken' in value)
    return { kind: 'identityToken', identityToken: new Secret(value.identityToken) };
  return { kind: 'password', username: value.username, password: new Secret(value.password) };
}

// The format of ~/.docker/config.json (docker/cli, cli/config/configfile): `auth` is base64 of user:password.
function fromDockerConfig(key: string, auth: z.infer<typeof dockerAuth>): [string, RegistryCredential][] {
  if (auth.identitytoken)
    return [[registryHost(key), { kind: 'identityToken', identityToken: new Secret(auth.identitytoken) }]];
  const pair =
    auth.auth === undefined
      ? `${auth.username ?? ''}:${auth.password ?? ''}`
      : Buffer.from(auth.auth, 'base64').toString();
  const colon = pair.indexOf(':');
  // Entries without a login are what credential helpers leave behind.
  if (colon <= 0) return [];
  return [
    [
      registryHost(key),
      {
        kind: 'password',
        username: pair.slice(0, colon),
        password: new Secret(pair.slice(colon + 1).replace(/\0+$/, '')),
      },
    ],
  ];
}
