/** What a build needs to know of a Dockerfile before the engine sees it. The engine alone judges whether it is right. */
export type DockerfileFacts = {
  /** The image that the wanted stage starts from in the end; absent where it cannot be told (unset ARG, unknown stage). */
  base?: string;
  /** Keys of all LABEL instructions. */
  labels: ReadonlySet<string>;
  /** Names of all ARG instructions. */
  args: ReadonlySet<string>;
};

type Stage = { from: string; name: string | undefined };

/** Reads instructions as docs.docker.com/reference/dockerfile describes them: directives, continuations, comments; here-documents are skipped. */
export function readDockerfile(
  text: string,
  options: { target?: string | undefined; buildArgs: ReadonlyMap<string, string> },
): DockerfileFacts {
  const stages: Stage[] = [];
  const globals = new Map<string, string>();
  const labels = new Set<string>();
  const args = new Set<string>();
  for (const { name, rest } of instructions(text)) {
    if (name === 'FROM') stages.push(readFrom(rest, globals));
    if (name === 'LABEL') for (const key of labelKeys(rest)) labels.add(key);
    if (name !== 'ARG') continue;
    for (const [key, value] of assignments(rest)) {
      args.add(key);
      const given = options.buildArgs.get(key) ?? value;
      if (stages.length === 0 && given !== undefined) globals.set(key, expand(given, globals) ?? given);
    }
  }
  const base = baseOf(stages, options.target);
  return { labels, args, ...(base !== undefined && { base }) };
}

/** Logical lines: continuation lines joined, comments and blank lines between them dropped. */
export function* instructions(text: string): Generator<{ name: string; rest: string }> {
  const escape = /^#\s*escape\s*=\s*`\s*$/im.test(text.split(/\r?\n(?!#)/, 1)[0]!) ? '`' : '\\';
  let pending = '';
  let heredocs: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (heredocs.length > 0) {
      if (line.replace(/^\t+/, '') === heredocs[0]) heredocs.shift();
      continue;
    }
    if (/^\s*(?:#|$)/.test(line)) continue;
    const trimmed = line.trimEnd();
    if (trimmed.endsWith(escape)) {
      pending += `${trimmed.slice(0, -1)} `;
      continue;
    }
    const match = /^\s*([A-Za-z]+)\s+([^]*)$/.exec(pending + trimmed);
    pending = '';
    if (!match) continue;
    if (/^(?:RUN|COPY|ADD)$/i.test(match[1]!)) heredocs = heredocWords(match[2]!);
    yield { name: match[1]!.toUpperCase(), rest: match[2]!.trim() };
  }
}

function heredocWords(rest: string): string[] {
  return [...rest.matchAll(/(?<!<)<<-?(["']?)([A-Za-z_]\w*)\1/g)].map((match) => match[2]!);
}

function readFrom(rest: string, globals: ReadonlyMap<string, string>): Stage {
  const [image = '', as, name] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
  return {
    from: expand(image, globals) ?? '',
    name: as?.toUpperCase() === 'AS' ? name?.toLowerCase() : undefined,
  };
}

function baseOf(stages: readonly Stage[], target: string | undefined): string | undefined {
  const wanted = stages.findIndex(
    (stage, index) => stage.name === target?.toLowerCase() || String(index) === target,
  );
  let at = target === undefined ? stages.length - 1 : wanted;
  while (at >= 0) {
    const { from } = stages[at]!;
    const earlier = stages.slice(0, at).findIndex((stage) => stage.name === from.toLowerCase());
    if (earlier < 0) return from || undefined;
    at = earlier;
  }
  return undefined;
}

const VARIABLE = /\$(\w+)|\$\{(\w+)(?::([-+])([^}]*))?\}/g;

// $NAME, ${NAME}, ${NAME:-default}, ${NAME:+other}; undefined where a variable has no value.
function expand(text: string, values: ReadonlyMap<string, string>): string | undefined {
  let known = true;
  const expanded = text.replace(VARIABLE, (...match: (string | undefined)[]) => {
    const [, bare, braced, operator, operand = ''] = match;
    const value = values.get((bare ?? braced)!);
    if (operator === '+') return value ? operand : '';
    if (operator === '-') return value || operand;
    if (value === undefined) known = false;
    return value ?? '';
  });
  return known ? expanded : undefined;
}

const WORD = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g;

function labelKeys(rest: string): string[] {
  const words = rest.match(WORD) ?? [];
  const keys = words.filter((word) => word.includes('=')).map((word) => word.slice(0, word.indexOf('=')));
  // The old form: LABEL key value
  const found = keys.length > 0 ? keys : words.slice(0, 1);
  return found.map((key) => key.replace(/["'\\]/g, ''));
}

function assignments(rest: string): [string, string | undefined][] {
  return (rest.match(WORD) ?? []).map((word) => {
    const at = word.indexOf('=');
    return at < 0
      ? [word, undefined]
      : [word.slice(0, at), word.slice(at + 1).replace(/^(["'])(.*)\1$/s, '$2')];
  });
}
