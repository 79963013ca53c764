import type { Secret } from './secret.js';

/** How to log in to one registry. */
export type RegistryCredential =
  { kind: 'password'; username: string; password: Secret } | { kind: 'identityToken'; identityToken: Secret };

/** Credentials by canonical registry host (`docker.io`, `registry.example.com:5000`). */
export type RegistryCredentials = ReadonlyMap<string, RegistryCredential>;

export type GitCredential = { sshKey?: Secret; username?: string; token?: Secret };

export type S3Credential = {
  accessKeyId: string;
  secretAccessKey: Secret;
  sessionToken?: Secret;
  region?: string;
  /** URL of an S3-compatible store; absent: AWS. */
  endpoint?: string;
};

/** Where and how to notify. Only the channels that build.yml names are used. */
export type NotifyCredentials = {
  github?: { token: Secret; /** API root of a GitHub Enterprise server. */ apiUrl?: string };
  slack?: { url: Secret };
  webhook?: { url: Secret; secret?: Secret };
  email?: {
    from: string;
    to: readonly string[];
    /** smtp:// or smtps:// URL with the login in it. */ smtp: Secret;
  };
};

/** A caller's ssh-agent, as a socket of the runner that leads to it while the caller is there. */
export type LentAgent = {
  socket: string;
  /** Whether the agent owes somebody an answer, where that can be known. */
  isWaiting?: () => boolean;
};

/** What a caller lends for one build. Lives in memory, or in the build's private workspace, and ends with the build. */
export type Credentials = {
  /** Fingerprint of the key of whoever lends them. */
  owner: string;
  git: GitCredential;
  /** known_hosts lines that the caller vouches for. */
  knownHosts: string;
  registries: RegistryCredentials;
  agent?: LentAgent;
  /** Values for `--secret id=NAME` and for `secrets:` of build.yml. */
  secrets: ReadonlyMap<string, Secret>;
  s3?: S3Credential;
  notify: NotifyCredentials;
};

export const noCredentials: Credentials = {
  owner: '',
  git: {},
  knownHosts: '',
  registries: new Map(),
  secrets: new Map(),
  notify: {},
};

/** Everything in `credentials` that must not leave the runner, in the forms from which redaction makes all others. */
export function secretsOf(credentials: Omit<Credentials, 'owner'>): string[] {
  const { git, registries, secrets, s3, notify } = credentials;
  const single = [git.sshKey, git.token, ...secrets.values(), s3?.secretAccessKey, s3?.sessionToken];
  const channels = [
    notify.github?.token,
    notify.slack?.url,
    notify.webhook?.url,
    notify.webhook?.secret,
    notify.email?.smtp,
  ];
  const values = [...single, ...channels].map((secret) => secret?.reveal());
  const logins = [...registries.values()].flatMap((login) =>
    login.kind === 'identityToken'
      ? [login.identityToken.reveal()]
      : [login.password.reveal(), `${login.username}:${login.password.reveal()}`],
  );
  const token = git.token && `${git.username ?? 'x-access-token'}:${git.token.reveal()}`;
  const smtp =
    notify.email && URL.canParse(notify.email.smtp.reveal())
      ? new URL(notify.email.smtp.reveal())
      : undefined;
  const all = [...values, ...logins, token, smtp && decoded(smtp.password)];
  return all.filter((value) => value !== undefined && value !== '') as string[];
}

// Who sends the mail says what is wrong with it.
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
