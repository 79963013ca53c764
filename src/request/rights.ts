import { Failure } from '../model/errors.js';
import { parseRepositoryUrl } from '../model/repository.js';
import type { Rights } from '../model/rights.js';
import { suggest } from '../model/suggest.js';
import { commands } from './commands.js';
import { denied } from './denied.js';
import { parseCommand, requestedOutput, type FlagValues, type ParsedCommand } from './parse.js';
import { checkRepository } from './permit-repo.js';
import { splitCommand, wordsOf } from './split.js';
import { flagged } from './values.js';

/** Commands that say nothing about anybody's builds. */
const harmless = new Set(['help', 'version']);

/** Flags that speak of the same thing: who cannot give the one cannot give the other. */
const rivals = [
  ['project', 'service-id'],
  ['push', 'no-push'],
  ['repo', 'context'],
];

/**
 * The words of a caller → the command that is carried out: what its key forces, and what it adds to that. Throws Failure DENIED with the
 * option that forbids it, else as parseCommand.
 */
export function readCommand(
  words: readonly string[],
  { local, rights }: { local: boolean; rights: Rights },
): ParsedCommand {
  const command = rights.forced === undefined ? parseCommand(words, { local }) : forced(rights.forced, words);
  const { commands } = rights;
  if (harmless.has(command.name)) return command;
  if (commands !== undefined && !commands.includes(command.name))
    throw denied(
      `give '${command.name}': its permit-commands allows ${[...commands, ...harmless].join(', ')}`,
    );
  checkSource(command.flags, rights);
  return command;
}

function checkSource(flags: FlagValues, rights: Rights): void {
  const repo = flags.one('repo');
  if (flags.one('context') !== undefined) checkRepository(rights, undefined);
  if (repo !== undefined) checkRepository(rights, flagged('repo', () => parseRepositoryUrl(repo)).url);
}

/**
 * The form in which a refusal is told: as the key's command= says, else as the caller does. Undefined where neither says any, however
 * wrong the rest may be.
 */
export function refusalOutput(words: readonly string[], { forced }: Rights): string | undefined {
  const fixed = forced === undefined ? undefined : requestedOutput(wordsOf(forced));
  return fixed ?? requestedOutput(words);
}

/** Throws a Failure where rights name a command that nobody can give over SSH, or force one. */
export function checkRights({ forced, commands: names = [] }: Rights): void {
  const known: readonly string[] = commands.filter(({ local }) => !local).map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const near = suggest(unknown.slice(0, 60), known);
    const hint = near === undefined ? '' : `, did you mean '${near}'?`;
    throw new Failure('USAGE', `option permit-commands=: '${unknown.slice(0, 60)}' is no command${hint}`, {
      hint: `commands are ${known.join(', ')}`,
    });
  }
  if (forced !== undefined) parseForced(forced);
}

/** Throws a Failure unless this is a command line that a key can force. */
export function parseForced(text: string): ParsedCommand {
  const words = splitCommand(text);
  if (words.length > 0) return parseCommand(words, { local: false });
  throw new Failure('USAGE', 'there is no command in it', { hint: 'begin with the name of a command' });
}

function forced(text: string, words: readonly string[]): ParsedCommand {
  const given = parseFixed(text);
  const own = parseCommand(startsWithFlag(words) ? [given.name, ...words] : words, { local: false });
  if (harmless.has(own.name)) return own;
  if (own.name !== given.name) throw denied(`give '${own.name}': its command= is '${given.name}'`);
  checkOverlap(given, own);
  const operands = [...given.operands, ...own.operands];
  return { name: given.name, flags: given.flags.with(own.flags), operands };
}

// A line of authorized_keys was looked at when it was read; a certificate's force-command was not.
function parseFixed(text: string): ParsedCommand {
  try {
    return parseForced(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw denied(`give any command: its force-command is none of this runner (${error.message})`);
  }
}

function startsWithFlag([first]: readonly string[]): boolean {
  return first === undefined || (first.startsWith('-') && !['--help', '-h', '--version'].includes(first));
}

function checkOverlap(given: ParsedCommand, own: ParsedCommand): void {
  const fixed = given.flags.names();
  const taken = new Set([
    ...fixed,
    ...rivals.filter((pair) => pair.some((name) => fixed.includes(name))).flat(),
  ]);
  const twice = own.flags.names().find((name) => taken.has(name));
  const kept = fixed.map((name) => `--${name}`).join(', ');
  if (twice !== undefined) throw denied(`give --${twice}: its command= fixes ${kept}`);
  if (given.operands.length > 0 && own.operands.length > 0) {
    throw denied(`name '${own.operands[0]}': its command= names '${given.operands[0]}'`);
  }
  // A full reference is another image.
  const foreign = fixed.includes('image') ? own.flags.all('tag').find((tag) => /[:/]/.test(tag)) : undefined;
  if (foreign !== undefined) throw denied(`give --tag '${foreign}': its command= fixes ${kept}`);
}
