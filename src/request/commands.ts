import { buildFlags, type Flag, type FlagGroup } from './flags.js';

const outputFlag: Flag = {
  name: 'output',
  value: 'human|json',
  choices: ['human', 'json'],
  help: 'text, or one JSON object',
};

export type CommandName =
  'build' | 'plan' | 'status' | 'attach' | 'cancel' | 'help' | 'version' | 'serve' | 'healthcheck';

/** How `attach` shows a build: the flags of `build` with the same names. */
const viewFlags = buildFlags
  .flatMap(({ flags }) => flags)
  .filter(({ name }) => name === 'output' || name === 'progress');

export type CommandSpec = {
  name: CommandName;
  usage: string;
  help: string;
  flags: readonly FlagGroup[];
  /** Names of positional arguments that it takes. */
  operands?: readonly string[];
  /** Only where the program itself runs, not over SSH. */
  local?: true;
};

export const commands: readonly CommandSpec[] = [
  {
    name: 'build',
    usage: 'build --repo URL --image NAME [--revision REV] [-t TAG]… [FLAG]…',
    help: 'fetch, build, push; the log live, the verdict as exit code',
    flags: buildFlags,
  },
  {
    name: 'plan',
    usage: 'plan --repo URL --image NAME [FLAG]…',
    help: 'fetch, and print what a build with the same flags would do; build nothing',
    flags: buildFlags,
  },
  {
    name: 'status',
    usage: 'status [--output human|json]',
    help: 'your builds that run and wait, the capacity, engine, disk, and your last error',
    flags: [{ title: 'Flags', flags: [outputFlag] }],
  },
  {
    name: 'attach',
    usage: 'attach ID [--output human|json|result]',
    help: 'come back to a build: its log, then live, and its verdict as exit code',
    flags: [{ title: 'Flags', flags: viewFlags }],
    operands: ['ID'],
  },
  {
    name: 'cancel',
    usage: 'cancel ID',
    help: 'end a build of yours',
    flags: [],
    operands: ['ID'],
  },
  {
    name: 'help',
    usage: 'help [COMMAND]',
    help: 'this text, or all flags of a command',
    flags: [],
    operands: ['COMMAND'],
  },
  { name: 'version', usage: 'version', help: 'version of buildbot', flags: [] },
  {
    name: 'serve',
    usage: 'serve',
    help: 'run the SSH server; configured by the environment',
    flags: [],
    local: true,
  },
  {
    name: 'healthcheck',
    usage: 'healthcheck',
    help: 'how the runner is; exit 0 if the engine answers, the SSH port is open and the data directory can be written, else 69',
    flags: [],
    local: true,
  },
];
