import type { Rights } from '../model/rights.js';
import { checkFrom } from './addresses.js';
import { parseExpiryTime } from './expiry-time.js';

/** What stands before a key in authorized_keys. */
export type KeyOptions = {
  /** Entries as addresses.ts compares them. */
  from?: readonly string[];
  expires?: Date;
  /** The key is a certificate authority's, and logs in itself no more. */
  authority: boolean;
  /** Of an authority: one of them has to be in the certificate. Absent: the name that the client logs in with. */
  principals?: readonly string[];
  touchRequired: boolean;
  verificationRequired: boolean;
  rights: Rights;
};

/** One option: what it is called, and what it does to the options so far. */
export type OptionSpec = {
  name: string;
  /** Placeholder of its value; absent for a flag. */
  value?: string;
  /** It has an opposite, the same with `no-` in front. */
  negatable?: true;
  /** It may be given again. */
  repeatable?: true;
  help: string;
  apply: (options: KeyOptions, value: string, isSet: boolean) => void;
};

type Switch = 'noTerminal' | 'noAgent' | 'noForwarding';

function forbid({ rights }: KeyOptions, ...names: Switch[]): void {
  for (const name of names) rights[name] = true;
}

function permit(name: Switch): OptionSpec['apply'] {
  return ({ rights }, _, isSet) => {
    if (isSet) delete rights[name];
    else rights[name] = true;
  };
}

const nothing = (): void => {};

/** Every option that a line may carry; docs/reference/authorized-keys.md is made from this table. */
export const optionSpecs: readonly OptionSpec[] = [
  {
    name: 'from',
    value: 'LIST',
    help: 'log in from these addresses alone: addresses, networks (CIDR), `*` and `?`; `!` takes back. Host names are refused: nobody is looked up',
    apply: (options, value) => (options.from = listOf(value).map(checkFrom)),
  },
  {
    name: 'expiry-time',
    value: 'YYYYMMDD[HHMM[SS]][Z]',
    repeatable: true,
    help: "log in until then; without Z in the runner's time zone. The earliest of several counts",
    apply: (options, value) => {
      const time = parseExpiryTime(value);
      options.expires = options.expires !== undefined && options.expires < time ? options.expires : time;
    },
  },
  {
    name: 'command',
    value: 'COMMAND',
    help: 'begins every command of this key: a command and flags, which the caller cannot give again',
    apply: ({ rights }, value) => (rights.forced = value),
  },
  {
    name: 'permit-repo',
    value: 'PATTERNS',
    help: 'repositories that it may have built',
    apply: ({ rights }, value) => (rights.repositories = patternsOf(value)),
  },
  {
    name: 'permit-image',
    value: 'PATTERNS',
    help: 'images that it may have built, with or without a tag',
    apply: ({ rights }, value) => (rights.images = patternsOf(value)),
  },
  {
    name: 'permit-commands',
    value: 'LIST',
    help: 'commands that it may give (`help` and `version` it always may); `all` among them: it sees and cancels the builds of all keys',
    apply: ({ rights }, value) => {
      const names = listOf(value);
      rights.commands = names.filter((name) => name !== 'all');
      if (names.includes('all')) rights.everyBuild = true;
      if (rights.commands.length === 0)
        throw new Error("it names no command: write it like 'status,cancel,all'");
    },
  },
  {
    name: 'max-builds',
    value: 'N',
    help: 'builds of this key that run at once; further ones wait',
    apply: ({ rights }, value) => {
      if (!/^[1-9]\d{0,5}$/.test(value)) throw new Error(`'${value}' is no number of builds, 1 or more`);
      rights.maxBuilds = Number(value);
    },
  },
  {
    name: 'cert-authority',
    help: 'the key logs in no more; certificates that it has signed do',
    apply: (options) => (options.authority = true),
  },
  {
    name: 'principals',
    value: 'LIST',
    help: 'with cert-authority: one of these has to be in the certificate, instead of the name that the client logs in with',
    apply: (options, value) => (options.principals = listOf(value)),
  },
  {
    name: 'touch-required',
    negatable: true,
    help: 'a security key has to be touched at each login (the default)',
    apply: (options, _, isSet) => (options.touchRequired = isSet),
  },
  {
    name: 'verify-required',
    negatable: true,
    help: 'a security key has to verify its user (PIN, fingerprint) at each login',
    apply: (options, _, isSet) => (options.verificationRequired = isSet),
  },
  {
    name: 'restrict',
    help: 'no terminal, no agent, no forwarding; what is named behind it is given back',
    apply: (options) => forbid(options, 'noTerminal', 'noAgent', 'noForwarding'),
  },
  { name: 'pty', negatable: true, help: 'a terminal (the default)', apply: permit('noTerminal') },
  {
    name: 'agent-forwarding',
    negatable: true,
    help: "use of the caller's agent (the default)",
    apply: permit('noAgent'),
  },
  {
    name: 'port-forwarding',
    negatable: true,
    help: 'forwarding of the socket of an agent (the default); nothing else is ever forwarded',
    apply: permit('noForwarding'),
  },
  { name: 'X11-forwarding', negatable: true, help: 'no meaning: there is none', apply: nothing },
  { name: 'user-rc', negatable: true, help: 'no meaning: there is none', apply: nothing },
];

function listOf(value: string): string[] {
  const entries = value.split(',').map((entry) => entry.trim());
  if (entries.includes('')) throw new Error('an entry of the list is empty');
  return entries;
}

function patternsOf(value: string): string[] {
  const patterns = listOf(value);
  if (patterns.every((pattern) => pattern.startsWith('!')))
    throw new Error('it permits nothing: all is taken back with !');
  return patterns;
}
