import { matchesList, matchesPattern, type Match } from '../model/pattern.js';
import type { Rights } from '../model/rights.js';
import { denied } from './denied.js';

/** A repository's URL, or a pattern for some: `https://host:port` and `/path`, `git@host` and `path`. */
type Place = { authority: string; separator: '' | ':'; path: string };

const URL_FORM = /^([a-z]+):\/\/(?:([^@/]*)@)?(\[[^\]]*\]|[^:/]*)(?::(\d+))?(\/.*)$/i;
const SCP_FORM = /^([^@/]*)@(\[[^\]]*\]|[^:/]+):(.*)$/;
const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443, ssh: 22 };

/**
 * Throws Failure DENIED unless `permit-repo` of the key allows this repository; `url` is one that parseRepositoryUrl has let through, and
 * undefined where the source comes from no repository. Other spellings of the same repository count as the same.
 */
export function checkRepository({ repositories }: Rights, url: string | undefined): void {
  if (repositories === undefined) return;
  const allowed = `its permit-repo allows ${repositories.join(', ')}`;
  if (url === undefined) throw denied(`build what comes on stdin: ${allowed}`);
  const path = plainPath(url);
  if (path === undefined)
    throw denied(`build '${url}': its path has no plain form to compare, and ${allowed}`);
  // Whose home that is, and what lies there under which other name, the server alone knows.
  if (repositories.some((pattern) => pattern.startsWith('!')) && isSsh(url) && /^\/*~/.test(path))
    throw denied(`build '${url}': beside patterns with ! no path may begin with ~, and ${allowed}`);
  const same = spellings(url, path);
  const alike = [...same, ...lookalikes(same, userOf(url))].map(lowerCase);
  const permits: Match = (pattern) => same.some((place) => fits(pattern, place));
  // Whoever the user is: another name would lead to the same repository.
  const forbids: Match = (pattern) => alike.some((place) => fits(withoutUser(pattern.toLowerCase()), place));
  if (!matchesList(repositories, { permits, forbids })) throw denied(`build '${url}': ${allowed}`);
}

// `*` stops at the end of the host: a host of somebody's choice must not hide in front of a path that looks right.
function fits(text: string, { authority, separator, path }: Place): boolean {
  const pattern = text.replace(/^hg\+/i, '');
  const url = /^([^/]*:\/\/[^/]*)(\/.*)?$/.exec(pattern);
  const scp = /^((?:[^/:@]*@)?(?:\[[^\]]*\]|[^/:]*)):(?!\/\/)(.*)$/.exec(pattern);
  const parts = url ?? scp;
  if (parts === null) return matchesPattern(pattern, authority + separator + path);
  if ((url === null) !== (separator === ':')) return false;
  const paths = parts[2] ?? (pattern.endsWith('*') ? '*' : '');
  return matchesPattern(parts[1]!, authority) && matchesPattern(paths, path);
}

function withoutUser(pattern: string): string {
  return pattern.replace(/^([^/@]*:\/\/)?[^/@]*@/, '$1');
}

/** The path as a server sees it; undefined where servers may differ about that. */
function plainPath(url: string): string | undefined {
  const isUrl = URL_FORM.test(url);
  const raw = URL_FORM.exec(url)?.[5] ?? SCP_FORM.exec(url)?.[3];
  const path = raw === undefined ? undefined : isUrl ? decode(raw) : raw;
  if (path === undefined || /[?#\\\p{C}]|%[0-9a-f]{2}/iu.test(path)) return undefined;
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return undefined;
  // To Mercurial `ssh://host/path` is below the home directory, and `ssh://host//path` below the root.
  const root = isUrl && isSsh(url) && path.startsWith('//') ? '/' : '';
  return (root + path.replace(/\/{2,}/g, '/')).replace(/(?:\/|\.git)+$/i, '');
}

function isSsh(url: string): boolean {
  return /^ssh:\/\//i.test(url) || !URL_FORM.test(url);
}

function userOf(url: string): string {
  return URL_FORM.exec(url)?.[2] ?? SCP_FORM.exec(url)?.[1] ?? '';
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function spellings(url: string, plain: string): Place[] {
  const written = URL_FORM.exec(url)?.[5] ?? SCP_FORM.exec(url)?.[3] ?? plain;
  const paths = [plain, `${plain}.git`, `${plain}/`, written];
  const separator = URL_FORM.test(url) ? '' : ':';
  return authorities(url).flatMap((authority) =>
    paths.map((path) => ({ authority, separator, path }) as const),
  );
}

/** With the user and without, with the usual port and without. */
function authorities(url: string): string[] {
  const [, scheme = '', user, host = '', port] = URL_FORM.exec(url) ?? [];
  if (scheme === '') {
    const [, name = '', server = ''] = SCP_FORM.exec(url) ?? [];
    return [`${name}@${plainHost(server)}`, plainHost(server)];
  }
  const kind = scheme.toLowerCase();
  const usual = defaultPorts[kind];
  const number = port === undefined ? usual : Number(port);
  const ports = number === undefined ? [''] : number === usual ? ['', `:${usual}`] : [`:${number}`];
  const users = user === undefined ? [''] : [`${user}@`, ''];
  return users.flatMap((before) => ports.map((behind) => `${kind}://${before}${plainHost(host)}${behind}`));
}

function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/**
 * What most forges serve as the same repository, though not every server does: `git@host:path` and `ssh://git@host/path`, and in both
 * the path from the root and from the user's home.
 */
function lookalikes(places: readonly Place[], user: string): Place[] {
  return places.flatMap(({ authority, separator, path }): Place[] => {
    const [, host] = (separator === ':' ? /^(.*)$/ : /^ssh:\/\/(.*?)(?::22)?$/).exec(authority) ?? [];
    if (host === undefined) return [];
    const plain = path.replace(/^\/+/, '');
    const paths = [plain, `/${plain}`, `~/${plain}`, `~${user}/${plain}`];
    const hasPort = /:\d+$/.test(host);
    const origins = hasPort ? [`ssh://${host}`] : [`ssh://${host}`, `ssh://${host}:22`];
    const urls = origins.flatMap((authority) =>
      paths.map((path) => ({ authority, separator: '', path: `/${path}` }) as const),
    );
    return hasPort
      ? urls
      : [...urls, ...paths.map((path) => ({ authority: host, separator: ':', path }) as const)];
  });
}

function lowerCase({ authority, separator, path }: Place): Place {
  return { authority: authority.toLowerCase(), separator, path: path.toLowerCase() };
}
