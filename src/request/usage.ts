import { commands, type CommandSpec } from './commands.js';
import { buildFlags, type Flag, type FlagGroup } from './flags.js';

const EXIT_CODES = `Exit code: 0 done, 1 the build failed, 2 wrong request, 3 source, 4 delivery, 5 denied, 69 no engine,
70 a bug, 75 busy, 124 timeout, 130 cancelled.`;

/** The help text: of all commands, or of one. Lines of at most 110 columns. */
export function usage(options: { topic?: string | undefined; local: boolean }): string {
  const available = commands.filter((spec) => options.local || !spec.local);
  const spec = available.find(({ name }) => name === options.topic);
  return spec ? commandUsage(spec, options.local) : overview(available, options.local);
}

function overview(available: readonly CommandSpec[], local: boolean): string {
  const width = Math.max(...available.map((spec) => spec.name.length)) + 2;
  const rows = available.map((spec) => `  ${spec.name.padEnd(width)}${spec.help}`);
  const prefix = local ? 'buildbot' : 'ssh HOST';
  return `buildbot builds a Docker image from a repository, tests it and pushes it.

Usage: ${prefix} COMMAND [FLAG]…

Commands:
${rows.join('\n')}

Example:
  ${prefix} build --repo https://forge.example/team/app.git --revision main \\
    --image registry.example/team/app --tag 1.2 --credentials - < credentials.yml

'${prefix} help build' lists all flags. ${local ? '' : 'There is no shell here, and no file transfer.'}
${EXIT_CODES}
`;
}

function commandUsage(spec: CommandSpec, local: boolean): string {
  const groups = spec.flags.map((group) => groupUsage(group)).filter((text) => text !== '');
  const head = `Usage: ${local ? 'buildbot' : 'ssh HOST'} ${spec.usage}\n\n${capitalize(spec.help)}.\n`;
  const tail = spec.flags === buildFlags ? `\n${EXIT_CODES}\n` : '';
  return [head, ...groups].join('\n') + tail;
}

function groupUsage({ title, flags }: FlagGroup): string {
  const rows = flags.map(
    (flag) => [spelling(flag), flag.help + (flag.repeatable ? ' (repeatable)' : '')] as const,
  );
  return `${title}:\n${rows.map(([left, right]) => row(left, right)).join('')}`;
}

function spelling({ name, short, value }: Flag): string {
  return `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`;
}

const INDENT = 30;

function row(left: string, right: string): string {
  const head = `  ${left}`;
  const gap = head.length < INDENT ? ' '.repeat(INDENT - head.length) : `\n${' '.repeat(INDENT)}`;
  return `${head}${gap}${wrap(right, 110 - INDENT).join(`\n${' '.repeat(INDENT)}`)}\n`;
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function capitalize(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
