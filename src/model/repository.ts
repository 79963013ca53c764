import { Failure } from './errors.js';
import { shown } from './shown.js';

export type Vcs = 'git' | 'hg';

/** A repository's address, taken apart as far as the runner has to know it. */
export type RepositoryUrl = {
  kind: 'ssh' | 'https' | 'http' | 'file';
  /** As git or Mercurial gets it, without `hg+`. It holds no secret. */
  url: string;
  /** http and https: scheme, host and port, in lower case. A token is sent to this origin alone. */
  origin?: string;
  host?: string;
  /** For people: without a user name or password. */
  display: string;
  /** What the URL says about its kind: `hg+…://` demands Mercurial, `ssh://hg@…` suggests it, all else suggests git. */
  vcs: { suggested: Vcs; demanded: boolean };
};

const HOST = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?)`;
const USER = String.raw`[A-Za-z0-9._][A-Za-z0-9._+~-]*`;
const SSH = new RegExp(String.raw`^ssh://(?:(${USER})@)?(${HOST})(:\d{1,5})?(/.*)$`, 'i');
const SCP = new RegExp(String.raw`^${USER}@(${HOST}):(?![-:])(.+)$`);
const HTTP = new RegExp(String.raw`^(https?)://(${HOST})(:\d{1,5})?(/.*)$`, 'i');
const FILE = /^file:\/\/\/./i;
const HG = /^hg\+(?=(?:ssh|https?|file):\/\/)/i;
// A backslash or a control character is read differently by different parsers, so that two of them may see
// two hosts; and a terminal obeys what cannot be seen.
const UNSAFE = /[\p{C}\p{Z}\\]/u;

type Address = Omit<RepositoryUrl, 'vcs'> & { user?: string };

/**
 * Accepts `ssh://[user@]host[:port]/path`, `user@host:path`, `https://host/path`, `http://host/path` and
 * `file:///path`, those with a scheme also with `hg+` in front. Throws Failure USAGE for anything else: a URL is
 * hostile until it has one of these shapes. `what` names it in the message.
 */
export function parseRepositoryUrl(text: string, what = '--repo'): RepositoryUrl {
  const refuse = (why: string): never => {
    throw refused(text, why, what);
  };
  if (UNSAFE.test(text)) refuse('it holds a space, a control character or a backslash');
  if (text.startsWith('-')) refuse("it begins with '-'");
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(text)) refuseUserInfo(text);
  const plain = text.replace(HG, '');
  const demanded = plain !== text;
  const { user, ...address } = parseHttp(plain) ?? parseSsh(plain) ?? parseFile(plain) ?? refuse(SHAPES);
  return { ...address, vcs: { suggested: demanded || user === 'hg' ? 'hg' : 'git', demanded } };
}

const SHAPES =
  'it is none of ssh://[user@]host/path, user@host:path, https://host/path, http://host/path, file:///path';

function parseHttp(text: string): Address | undefined {
  const match = HTTP.exec(text);
  if (match === null) return undefined;
  const [, scheme = '', host = '', port = '', path = ''] = match;
  if (!isPort(port)) return undefined;
  const kind = scheme.toLowerCase() as 'http' | 'https';
  const defaultPort = kind === 'http' ? ':80' : ':443';
  const origin = `${kind}://${host.toLowerCase()}${port === defaultPort ? '' : port}`;
  const url = `${kind}://${host}${port}${path}`;
  return { kind, url, origin, host: host.toLowerCase(), display: url };
}

function parseSsh(text: string): Address | undefined {
  const match = SSH.exec(text);
  if (match !== null) {
    const [, user = '', host = '', port = '', path = ''] = match;
    if (!isPort(port)) return undefined;
    const display = `ssh://${host}${port}${path}`;
    const url = `ssh://${user === '' ? '' : `${user}@`}${host}${port}${path}`;
    return { kind: 'ssh', url, host: host.toLowerCase(), display, user };
  }
  const [, host, path] = SCP.exec(text) ?? [];
  if (host === undefined) return undefined;
  return { kind: 'ssh', url: text, host: host.toLowerCase(), display: `${host}:${path}` };
}

/** `:80`, or none. */
function isPort(text: string): boolean {
  return text === '' || (Number(text.slice(1)) > 0 && Number(text.slice(1)) < 65_536);
}

function parseFile(text: string): Address | undefined {
  return FILE.test(text) ? { kind: 'file', url: text.replace(/^file/i, 'file'), display: text } : undefined;
}

function refuseUserInfo(text: string): void {
  const [, scheme = '', userInfo = ''] = /^([^:]+):\/\/([^/]*)@/.exec(text) ?? [];
  // One that is not accepted (git+ssh) is refused as that.
  const allowed = /ssh/i.test(scheme) && !userInfo.includes(':');
  if (allowed) return;
  throw new Failure(
    'USAGE',
    `the URL of the repository on '${hostOf(text)}' holds a user name or a password`,
    {
      hint: 'leave them out and put git.username and git.token into the document of --credentials -',
    },
  );
}

function refused(text: string, why: string, what: string): Failure {
  return new Failure('USAGE', `'${shown(text)}' is not accepted as ${what}: ${why}`, {
    hint: 'write it like git@forge.example:team/app.git or https://forge.example/team/app.git',
  });
}

function hostOf(text: string): string {
  return /@([^/@]*)(?:\/|$)/.exec(text)?.[1] ?? '';
}
