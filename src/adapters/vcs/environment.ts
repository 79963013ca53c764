/** Seconds that a web server may send nothing: of git's slowest transfer, of hg's socket. */
export const WEB_SILENCE = 60;

const PASSED_ON = ['PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'];

/** What of the runner's environment every program gets: messages in English, and a home that holds nothing. */
export function basicEnvironment(runner: NodeJS.ProcessEnv, home: string): NodeJS.ProcessEnv {
  return { ...pick(runner, PASSED_ON), HOME: home, LC_ALL: 'C' };
}

/** For programs that use the network. */
export function proxyEnvironment(runner: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return pick(
    runner,
    PROXIES.flatMap((name) => [name, name.toUpperCase()]),
  );
}

function pick(environment: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}
