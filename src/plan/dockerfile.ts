import { expandVariables, type HeredocEnd, heredocEnds, splitWords, unquoted } from './dockerfile-words.js';

/** What a build needs to know of a Dockerfile before the engine sees it. The engine alone judges whether it is right. */
export type DockerfileFacts = {
  /** The image that the wanted stage starts from in the end; absent where it cannot be told (unset ARG, unknown stage). */
  base?: string;
  /** Keys of the LABEL instructions of the wanted stage and of those that it is made from. */
  labels: ReadonlySet<string>;
  /** Names of all ARG instructions. */
  args: ReadonlySet<string>;
  /** A stage named `test` other than the wanted one. `apart`: it is not made from the wanted one. */
  test?: { target: string; apart: boolean };
};

type Stage = { from: string; name: string | undefined; labels: string[] };

/** Reads instructions as docs.docker.com/reference/dockerfile describes them: directives, continuations, comments; here-documents are skipped. */
export function readDockerfile(
  text: string,
  options: { target?: string | undefined; buildArgs: ReadonlyMap<string, string> },
): DockerfileFacts {
  const stages: Stage[] = [];
  const globals = new Map<string, string | undefined>();
  /** Of the stage that is being read. */
  const locals = new Map<string, string | undefined>();
  const args = new Set<string>();
  for (const { name, rest } of instructions(text)) {
    if (name === 'FROM') {
      stages.push(readFrom(rest, globals));
      locals.clear();
    }
    if (name === 'LABEL')
      for (const key of labelKeys(rest)) stages.at(-1)?.labels.push(expandVariables(key, locals) ?? key);
    if (name !== 'ARG') continue;
    for (const [key, value] of assignments(rest)) {
      args.add(key);
      const known = stages.length === 0 ? globals : locals;
      const given = options.buildArgs.get(key) ?? value ?? (known === locals ? globals.get(key) : undefined);
      if (given !== undefined) known.set(key, expandVariables(given, known));
    }
  }
  const chain = chainOf(stages, options.target);
  const base = chain.at(-1)?.from;
  const test = testStage(stages, chain[0]);
  return {
    labels: new Set(chain.flatMap((stage) => stage.labels)),
    args,
    ...(base && { base }),
    ...(test && { test }),
  };
}

function testStage(stages: readonly Stage[], wanted: Stage | undefined): DockerfileFacts['test'] {
  const [test, ...below] = chainOf(stages, 'test');
  if (test === undefined || test === wanted) return undefined;
  return { target: 'test', apart: wanted === undefined || !below.includes(wanted) };
}

/** Logical lines: continuation lines joined, comments and blank lines between them dropped. */
export function* instructions(text: string): Generator<{ name: string; rest: string }> {
  const lines = text.split(/\r?\n/);
  const escape = escapeCharacter(lines);
  let pending = '';
  let [heredocs, closed]: [HeredocEnd[], number] = [[], 0];
  for (const line of lines) {
    const end = heredocs[closed];
    if (end) {
      if ((end.indented ? line.replace(/^\t+/, '') : line) === end.word) closed++;
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
    if (/^\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s/i.test(match[0]))
      [heredocs, closed] = [heredocEnds(match[2]!), 0];
    yield { name: match[1]!.toUpperCase(), rest: match[2]!.trim() };
  }
}

// A parser directive, which stands above comments and everything else: `# escape=` and a backtick.
function escapeCharacter(lines: readonly string[]): string {
  for (const line of lines) {
    const [name = '', value] = line.startsWith('#') ? line.slice(1).split('=', 2) : [];
    if (value === undefined || !/^[A-Za-z][A-Za-z0-9]*$/.test(name.trim())) break;
    if (name.trim().toLowerCase() === 'escape') return value.trim() === '`' ? '`' : '\\';
  }
  return '\\';
}

function readFrom(rest: string, globals: ReadonlyMap<string, string | undefined>): Stage {
  const [image = '', as, name] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
  return {
    from: expandVariables(image, globals) ?? '',
    name: as?.toUpperCase() === 'AS' ? name?.toLowerCase() : undefined,
    labels: [],
  };
}

/** The wanted stage and the stages that it is made from, down to the one that starts from an image. */
function chainOf(stages: readonly Stage[], target: string | undefined): Stage[] {
  const wanted = stages.findIndex(
    (stage, index) => stage.name === target?.toLowerCase() || String(index) === target,
  );
  const named = firstOfName(stages);
  const chain: Stage[] = [];
  let at = target === undefined ? stages.length - 1 : wanted;
  while (at >= 0) {
    const stage = stages[at]!;
    chain.push(stage);
    const earlier = named.get(stage.from.toLowerCase());
    if (earlier === undefined || earlier >= at) break;
    at = earlier;
  }
  return chain;
}

function firstOfName(stages: readonly Stage[]): Map<string, number> {
  const named = new Map<string, number>();
  for (const [index, { name }] of stages.entries()) {
    if (name !== undefined && !named.has(name)) named.set(name, index);
  }
  return named;
}

function labelKeys(rest: string): string[] {
  const words = splitWords(rest);
  const keys = words.filter((word) => word.includes('=')).map((word) => word.slice(0, word.indexOf('=')));
  // The old form: LABEL key value
  const found = keys.length > 0 ? keys : words.slice(0, 1);
  return found.map((key) => key.replace(/["'\\]/g, ''));
}

function assignments(rest: string): [string, string | undefined][] {
  return splitWords(rest).map((word) => {
    const at = word.indexOf('=');
    return at < 0 ? [word, undefined] : [word.slice(0, at), unquoted(word.slice(at + 1))];
  });
}
