/** The path of a repository's URL, in whatever form, without slashes around it and `.git`: `team/app`. */
export function repositoryPath(repo: string): string {
  const path = /^[a-z][a-z0-9+.-]*:\/\//i.test(repo)
    ? repo.replace(/^[^:]+:\/\/[^/]*/, '')
    : repo.replace(/^[^@/]*@(\[[^\]]*\]|[^:/[]+):/, '');
  return path.replace(/^\/+|(?<!\/)\/+$/g, '').replace(/\.git$/i, '');
}
