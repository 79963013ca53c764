import { optionSpecs, type KeyOptions, type OptionSpec } from './option-table.js';

/** Options of sshd that promise what a build runner does not do. */
const impossible = new Set(['environment', 'permitlisten', 'permitopen', 'tunnel']);

const defaults = { authority: false, touchRequired: true, verificationRequired: false };

/**
 * The options of one line, as sshauthopt_parse of OpenSSH's auth-options.c reads them: names in any case, values in double quotes, in
 * which `\"` is a quote. Throws an Error that names what is not known or not right: such a line grants nothing.
 */
export function parseOptions(text: string): KeyOptions {
  const options: KeyOptions = { ...defaults, rights: {} };
  const seen = new Set<string>();
  let rest = text;
  while (rest !== '') {
    const { name, value, after } = readOption(rest);
    if (name !== '') applyOption(options, { name, value, seen });
    rest = after;
  }
  if (options.principals !== undefined && !options.authority)
    throw new Error('option principals= has a meaning with cert-authority alone');
  return options;
}

type Given = { name: string; value: string | undefined; seen: Set<string> };

function applyOption(options: KeyOptions, { name, value, seen }: Given): void {
  const lower = name.toLowerCase();
  if (impossible.has(lower)) throw new Error(`option ${lower}= promises what this runner does not do`);
  const is = (spec: OptionSpec, word: string) => spec.name.toLowerCase() === word;
  const spec = optionSpecs.find(
    (known) => is(known, lower) || (known.negatable && is(known, lower.slice(3))),
  );
  const isSet = spec !== undefined && is(spec, lower);
  if (spec === undefined || !(isSet || lower.startsWith('no-')))
    throw new Error(`unknown option '${shorten(name)}'`);
  if (spec.value === undefined && value !== undefined) throw new Error(`option ${name} takes no value`);
  if (spec.value !== undefined && value === undefined)
    throw new Error(`option ${name} needs a value in double quotes`);
  if (spec.value !== undefined && spec.repeatable === undefined && seen.has(lower))
    throw new Error(`option ${name}= is given twice`);
  seen.add(lower);
  try {
    spec.apply(options, value ?? '', isSet);
  } catch (cause) {
    throw new Error(`option ${name}=: ${(cause as Error).message}`, { cause });
  }
}

function readOption(text: string): { name: string; value: string | undefined; after: string } {
  const [name = ''] = /^[^=,"]*/.exec(text) ?? [];
  const [quoted, inner] = /^="((?:\\"|\\(?!")|[^"\\])*)"/.exec(text.slice(name.length)) ?? [];
  const after = text.slice(name.length + (quoted?.length ?? 0));
  if (quoted === undefined && after.startsWith('=')) {
    throw new Error(`option ${shorten(name)} needs a value in double quotes`);
  }
  if (after !== '' && !after.startsWith(','))
    throw new Error(`'${shorten(after)}' follows option ${shorten(name)}`);
  return { name, value: inner?.replaceAll('\\"', '"'), after: after.slice(1) };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
