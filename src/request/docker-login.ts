import { Failure } from '../model/errors.js';
import type { RegistryCredential } from '../model/credentials.js';
import { Secret } from '../model/secret.js';
import { registryHost } from './registry-host.js';
import { splitCommand } from './split.js';

/**
 * The seed's `--docker-login-cmd "docker login -u U -p P [HOST]"` → a credential. The command is read, never executed.
 * Throws Failure USAGE, without showing the password.
 */
export function parseDockerLogin(command: string): { host: string; credential: RegistryCredential } {
  const words = splitCommand(command);
  if (words[0] !== 'docker' || words[1] !== 'login') throw invalid("it does not begin with 'docker login'");
  const options = new Map<string, string>();
  const operands: string[] = [];
  for (let i = 2; i < words.length; i++) {
    const option = OPTIONS.find(({ pattern }) => pattern.test(words[i]!));
    if (option)
      options.set(
        option.name,
        words[i]!.includes('=') ? words[i]!.replace(/^[^=]*=/, '') : (words[++i] ?? ''),
      );
    else if (words[i] === '--password-stdin')
      throw invalid('there is no stdin for it; put the password into --credentials');
    else if (words[i]!.startsWith('-')) throw invalid(`'${words[i]}' is not an option of it`);
    else operands.push(words[i]!);
  }
  const { username, password } = { username: options.get('username'), password: options.get('password') };
  if (!username || !password) throw invalid('it needs -u and -p');
  if (operands.length > 1) throw invalid('it names more than one registry');
  const credential = { kind: 'password', username, password: new Secret(password) } as const;
  return { host: registryHost(operands[0] ?? 'docker.io'), credential };
}

const OPTIONS = [
  { name: 'username', pattern: /^(?:-u|--username)(?:=|$)/ },
  { name: 'password', pattern: /^(?:-p|--password)(?:=|$)/ },
  // Gone from docker since 17.06; `aws ecr get-login` still wrote it.
  { name: 'email', pattern: /^(?:-e|--email)(?:=|$)/ },
];

function invalid(why: string): Failure {
  return new Failure('USAGE', `--docker-login-cmd cannot be used: ${why}`, {
    hint: 'write it like "docker login -u USER -p PASSWORD HOST"',
  });
}
