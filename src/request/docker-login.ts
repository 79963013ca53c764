import { Failure } from '../model/errors.js';
import type { RegistryCredential } from '../model/credentials.js';
import { Secret } from '../model/secret.js';
import { registryHost } from './registry-host.js';
import { splitCommand } from './split.js';

/**
 * The seed's `--docker-login-cmd "docker login -u U -p P [HOST]"` (or `echo P | docker login -u U --password-stdin HOST`; `sudo` may stand before docker) → a
 * credential. The command is read, never executed. Throws Failure USAGE that shows no word of it.
 */
export function parseDockerLogin(command: string): { host: string; credential: RegistryCredential } {
  const { words, piped } = readPipe(splitCommand(command));
  const [program, verb, ...rest] = words[0] === 'sudo' ? words.slice(1) : words;
  if (program !== 'docker' || verb !== 'login') throw invalid("it is no 'docker login'");
  const { options, operands } = readOptions(rest);
  const username = options.get('username');
  const password = options.has('password-stdin') ? piped : options.get('password');
  if (options.has('password-stdin') && piped === undefined) {
    throw invalid('nothing is piped into its --password-stdin', {
      hint: 'write it like "echo PASSWORD | docker login -u USER --password-stdin HOST", or put registries into the credentials document',
    });
  }
  if (!username || !password) throw invalid('it needs -u, and -p or a password that is piped into it');
  if (operands.length > 1) throw invalid('it names more than one registry');
  const credential = { kind: 'password', username, password: new Secret(password) } as const;
  return { host: registryHost(operands[0] ?? 'docker.io'), credential };
}

// `echo PASSWORD | docker login …`, `printf %s PASSWORD | …`
function readPipe(words: readonly string[]): { words: readonly string[]; piped?: string } {
  const pipe = words.indexOf('|');
  if (pipe < 0) return { words };
  const [program, ...values] = words.slice(0, pipe);
  const value = values.filter((word) => word !== '-n' && word !== '%s');
  if ((program !== 'echo' && program !== 'printf') || value.length !== 1)
    throw invalid('only echo or printf may stand before |');
  return { words: words.slice(pipe + 1), piped: value[0]! };
}

/** Spellings of pflag: `-u U`, `-uU`, `-u=U`, `--username U`, `--username=U`. */
const OPTION = /^(?:-([upe])=?|--(username|password|email)(?:=|$))([^]*)$/;
const LONG: Record<string, string> = { u: 'username', p: 'password', e: 'email' };

function readOptions(words: readonly string[]): { options: Map<string, string>; operands: string[] } {
  const options = new Map<string, string>();
  const operands: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const match = OPTION.exec(words[i]!);
    if (words[i] === '--password-stdin') options.set('password-stdin', '');
    else if (match) options.set(match[2] ?? LONG[match[1]!]!, match[3] || (words[++i] ?? ''));
    else if (words[i]!.startsWith('-'))
      throw invalid('it has an option that is not -u, -p or --password-stdin');
    else operands.push(words[i]!);
  }
  return { options, operands };
}

function invalid(
  why: string,
  { hint } = { hint: 'write it like "docker login -u USER -p PASSWORD HOST"' },
): Failure {
  return new Failure('USAGE', `--docker-login-cmd cannot be used: ${why}`, { hint });
}
