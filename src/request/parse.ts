import minimist from 'minimist';
import { Failure } from '../model/errors.js';
import { commands, type CommandSpec } from './commands.js';
import { COMMAND, type Flag } from './flags.js';
import { shown } from '../model/shown.js';
import { suggest } from '../model/suggest.js';

/** A command and its flags, syntax checked: every flag exists, has a value where it needs one, and is given no oftener than it may be. */
export type ParsedCommand = {
  name: CommandSpec['name'];
  flags: FlagValues;
  operands: readonly string[];
  exitCode?: number;
};

/** Values by flag name, in the order given. A switch has `true` or `false` as its only value. */
export class FlagValues {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]> = new Map()) {
    this.#values = values;
  }

  one(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  switch(name: string): boolean {
    return this.one(name) === 'true';
  }

  /** Of the flags that were given. */
  names(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** These and others, which win where both have a flag. */
  with(others: FlagValues): FlagValues {
    return new FlagValues(new Map([...this.#values, ...others.#values]));
  }
}

/** function61/buildbot's spelling: the script that its container had. */
const SEED_SCRIPT = /(?:^|\/)buildbot\.sh$/;

/** The words of a command line → a command. Throws Failure USAGE or NOT_SUPPORTED. */
export function parseCommand(words: readonly string[], options: { local: boolean }): ParsedCommand {
  const [first, ...rest] = words;
  if (first === undefined || first === '--help' || first === '-h')
    return { name: 'help', flags: new FlagValues(), operands: [] };
  if (first === '--version') return { name: 'version', flags: new FlagValues(), operands: [] };
  const isSeedScript = SEED_SCRIPT.test(first);
  // It told how it is used, and failed.
  if (isSeedScript && rest.length === 0)
    return { name: 'help', flags: new FlagValues(), operands: ['build'], exitCode: 1 };
  const spec = findCommand(isSeedScript ? 'build' : first, options.local);
  const helps = rest.find((word) => word === '--help' || word === '-h');
  if (helps !== undefined) {
    checkHelp(helps, spec, rest);
    return { name: 'help', flags: new FlagValues(), operands: [spec.name] };
  }
  const parsed = parseFlags(spec, rest);
  const [topic] = parsed.operands;
  if (spec.name === 'help' && topic !== undefined) findCommand(topic, options.local);
  return { name: spec.name, ...parsed };
}

/** It may belong to a command that is a flag's value: who gets the help for that, and 0, would take it for a build. */
function checkHelp(helps: string, spec: CommandSpec, rest: readonly string[]): void {
  const flags = spec.flags.flatMap((group) => group.flags);
  const given = new Set(rest.map((word) => normalizeFlag(word).replace(/=[^]*/, '')));
  const flag = flags.find(({ name, value }) => value === COMMAND && given.has(`--${name}`));
  if (flag === undefined) return;
  throw new Failure('USAGE', `'${helps}' stands beside --${flag.name}`, {
    hint: `if it belongs to that command, quote it twice: ssh takes one pair away; 'help ${spec.name}' is the help`,
  });
}

/** Of a command line that may be wrong: nothing that a caller wrote, but for the name of a command. */
export function commandName([first]: readonly string[]): CommandSpec['name'] | '?' {
  if (first === undefined) return 'help';
  const name = SEED_SCRIPT.test(first) ? 'build' : first;
  return commands.find((spec) => spec.name === name)?.name ?? '?';
}

/** The value of --output, however wrong the rest may be: so that a refusal has the form that was asked for. */
export function requestedOutput(words: readonly string[]): string | undefined {
  const at = words.findLastIndex((word) => /^--output(?:=|$)/.test(word));
  if (at < 0) return undefined;
  return words[at]!.includes('=') ? words[at]!.slice('--output='.length) : words[at + 1];
}

function findCommand(name: string, local: boolean): CommandSpec {
  const available = commands.filter((spec) => local || !spec.local);
  const spec = available.find((candidate) => candidate.name === name);
  if (spec) return spec;
  const near = suggest(
    name.slice(0, 60),
    available.map((candidate) => candidate.name),
  );
  const names = available.map((candidate) => candidate.name).join(', ');
  throw new Failure('USAGE', `unknown command '${shown(name, 60)}'${didYouMean(near)}`, {
    hint: `commands are ${names}`,
  });
}

function parseFlags(
  spec: CommandSpec,
  words: readonly string[],
): { flags: FlagValues; operands: readonly string[] } {
  const flags = spec.flags.flatMap((group) => group.flags);
  const parsed = minimist(checkNames(joinLogin(words.map(normalizeFlag)), flags), minimistOptions(flags));
  const operands = parsed._.map(String);
  const most = spec.operands?.length ?? 0;
  if (operands.length > most) {
    // It may be a key that a blank has parted from its flag.
    const operand = shown(operands[most]!, 20);
    throw new Failure('USAGE', `unexpected argument '${operand}'`, { hint: `usage: ${spec.usage}` });
  }
  const values = new Map<string, readonly string[]>();
  for (const flag of flags) {
    const given = valuesOf(flag, parsed);
    if (given.length > 0) values.set(flag.name, check(flag, given));
  }
  return { flags: new FlagValues(values), operands };
}

// Before minimist sees them: it takes any `--no-x`, any `--switch=value`, and stumbles over `--constructor`.
function checkNames(words: readonly string[], flags: readonly Flag[]): string[] {
  const end = words.indexOf('--');
  const checked = (end < 0 ? words : words.slice(0, end)).flatMap((word) => checkName(word, flags));
  const both = flags.find(({ name }) => checked.includes(`--${name}`) && checked.includes(`--no-${name}`));
  if (both) {
    throw new Failure('USAGE', `--${both.name} and --no-${both.name} exclude each other`, {
      hint: 'give one',
    });
  }
  return end < 0 ? checked : [...checked, ...words.slice(end)];
}

/** One word as minimist understands it: `-tX` becomes `--tag=X`, and `-t` becomes `--tag`, which may have an empty value. */
function checkName(word: string, flags: readonly Flag[]): string[] {
  const long = /^--([^=]*)(=[^]*)?$/.exec(word);
  const short = /^-([A-Za-z])=?([^]*)$/.exec(word);
  if (!long && !short) {
    if (/^-./.test(word)) throw unknownFlag(word, flags);
    return [word];
  }
  const flag = flags.find((known) => (long ? known.name === long[1] : known.short === short![1]));
  if (!flag) throw unknownFlag(word, flags);
  if (flag.value === undefined && long?.[2] !== undefined) {
    throw new Failure('USAGE', `--${flag.name} takes no value, but got '${shown(long[2].slice(1))}'`, {
      hint: 'leave it out',
    });
  }
  if (!short) return [word];
  return [word.length > 2 ? `--${flag.name}=${short[2]}` : `--${flag.name}`];
}

function minimistOptions(flags: readonly Flag[]): minimist.Opts {
  const switches = flags.filter((flag) => flag.value === undefined).map(bare);
  const alias = flags.map((flag) => [flag.name, flag.short ?? []]);
  return {
    string: ['_', ...flags.filter((flag) => flag.value !== undefined).map((flag) => flag.name)],
    boolean: switches,
    // Else a switch that was not given could not be told from one that was switched off.
    default: Object.fromEntries(switches.map((name) => [name, null])),
    alias: Object.fromEntries(alias),
  };
}

// minimist reads `--no-x` as x=false.
function bare(flag: Flag): string {
  return flag.name.replace(/^no-/, '');
}

function valuesOf(flag: Flag, parsed: minimist.ParsedArgs): string[] {
  const raw: unknown = parsed[flag.value === undefined ? bare(flag) : flag.name];
  if (raw === undefined || raw === null) return [];
  if (flag.value !== undefined) return [raw].flat().map(String);
  return raw === !flag.name.startsWith('no-') ? ['true'] : [];
}

function check(flag: Flag, given: readonly string[]): readonly string[] {
  if (flag.value === undefined) return given;
  if (given.length > 1 && !flag.repeatable) {
    const values = flag.secret ? '' : `: '${shown(given[0]!)}' and '${shown(given[1]!)}'`;
    throw new Failure('USAGE', `--${flag.name} is given twice${values}`, { hint: 'give it once' });
  }
  for (const value of given) checkValue(flag, value);
  return given;
}

function checkValue(flag: Flag, value: string): void {
  if (value === '') throw new Failure('USAGE', `--${flag.name} needs a value: ${flag.value}`);
  if (!flag.choices || flag.choices.includes(value)) return;
  const near = suggest(value, flag.choices);
  throw new Failure('USAGE', `--${flag.name} '${shown(value)}' is not known${didYouMean(near)}`, {
    hint: `it takes ${flag.choices.join(', ')}`,
  });
}

function unknownFlag(word: string, flags: readonly Flag[]): Failure {
  // Behind one dash stands a value: `-pPASSWORD`.
  const name = word.startsWith('--') ? word.replace(/=[^]*/, '') : word.slice(0, 2);
  const spellings = flags.map((flag) => `--${flag.name}`);
  return new Failure(
    'USAGE',
    `unknown flag '${shown(name, 60)}'${didYouMean(suggest(name.slice(0, 60), spellings))}`,
    {
      hint: "'help build' lists all flags",
    },
  );
}

function didYouMean(near: string | undefined): string {
  return near === undefined ? '' : `, did you mean '${near}'?`;
}

// `_` and `-` are the same in flag names (not in values).
function normalizeFlag(word: string): string {
  if (!word.startsWith('--')) return word;
  const end = word.indexOf('=');
  return end < 0 ? word.replaceAll('_', '-') : word.slice(0, end).replaceAll('_', '-') + word.slice(end);
}

const LOGIN = '--docker-login-cmd';
/** A flag of `build`, where those of `docker login` stand. */
const NEXT = /^(?:--(?!username|password|email)|-[tf])/;

// Typed as the seed's usage shows it, ssh has taken the quotes away: `--docker-login-cmd docker login -u U -p P HOST --next …`.
function joinLogin(given: readonly string[]): string[] {
  const words = given.flatMap((word) =>
    /^--docker-login-cmd=(?:docker|sudo)$/.test(word) ? [LOGIN, word.slice(LOGIN.length + 1)] : [word],
  );
  const start = words.findIndex((_, at) => words[at - 1] === LOGIN && isLogin(words.slice(at)));
  if (start < 0) return words;
  const next = words.findIndex((word, at) => at > start && NEXT.test(word));
  const end = next < 0 ? words.length : next;
  const command = words.slice(start, end).map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`);
  return [...words.slice(0, start), command.join(' '), ...joinLogin(words.slice(end))];
}

function isLogin([first, ...rest]: readonly string[]): boolean {
  return first === 'sudo' ? isLogin(rest) : first === 'docker' && rest[0] === 'login';
}
