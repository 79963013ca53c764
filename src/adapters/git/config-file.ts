import { runProgram } from '../vcs/command.js';

export type ConfigPlace = { environment: NodeJS.ProcessEnv; directory: string; signal: AbortSignal };

/**
 * Parses a configuration file of a repository (.gitmodules, .lfsconfig) with git's own parser, without includes:
 * pairs in the file's order, section and variable in lower case. A string: why git cannot read it.
 */
export async function parseConfigFile(
  text: string,
  { environment, directory, signal }: ConfigPlace,
): Promise<readonly (readonly [key: string, value: string])[] | string> {
  const result = await runProgram(['git', 'config', '--file', '-', '--no-includes', '--list', '-z'], {
    environment: { ...environment, GIT_DIR: '/dev/null' },
    directory,
    signal,
    input: text,
  });
  if (result.code !== 0) return result.stderr.replace(/^(?:error|fatal): /, '').split('\n', 1)[0]!;
  return result.stdout
    .split('\0')
    .filter((item) => item !== '')
    .map((item) => {
      const end = item.indexOf('\n');
      return end < 0 ? ([item, ''] as const) : ([item.slice(0, end), item.slice(end + 1)] as const);
    });
}
