/**
 * The URL that `url` of .gitmodules means in a repository that was fetched from `parent`: itself, unless it begins
 * with `./` or `../`. As `relative_url` of git's remote.c does it, for URLs and `user@host:path` alike. Undefined
 * where it leads above everything. The outcome is as hostile as `url`.
 */
export function resolveRelativeUrl(url: string, parent: string): string | undefined {
  if (!/^\.\.?\//.test(url)) return url;
  let rest = url;
  let base = parent.replace(/\/$/, '');
  let separator = '/';
  for (;;) {
    if (rest.startsWith('../')) {
      const cut = lastCut(base);
      if (cut === undefined) return undefined;
      // What follows a host that has lost its whole path is joined as it was: `user@host:path`.
      if (base[cut] === ':') separator = ':';
      base = base.slice(0, cut);
      rest = rest.slice(3);
    } else if (rest.startsWith('./')) rest = rest.slice(2);
    else return base + separator + rest.replace(/\/$/, '');
  }
}

function lastCut(base: string): number | undefined {
  const slash = base.lastIndexOf('/');
  const cut = slash >= 0 ? slash : base.lastIndexOf(':');
  return cut >= 0 ? cut : undefined;
}
