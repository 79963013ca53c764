import { array, assert as assertProperty, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import type { Rights } from '../../../src/model/rights.js';
import { parseForced, readCommand } from '../../../src/request/rights.js';
import { splitCommand, wordsOf } from '../../../src/request/split.js';

const read = (text: string, rights: Rights) => readCommand(splitCommand(text), { local: false, rights });

/** The line that a caller sees, or the command that is carried out. */
function outcome(text: string, rights: Rights): string {
  try {
    const { name, flags } = read(text, rights);
    return [name, ...flags.names().map((flag) => `${flag}=${flags.all(flag).join('|')}`)].join(' ');
  } catch (error) {
    if (error instanceof Failure) return `${error.exitCode} ${error.line}`;
    throw error;
  }
}

it('a command that cannot be split, as a certificate may force one, has no words', () => {
  expect([wordsOf("build 'x"), wordsOf('build x')]).toEqual([[], ['build', 'x']]);
});

describe('permit-commands', () => {
  const rights = { commands: ['build', 'status'] };

  it.each([
    'build --repo https://f.example/a',
    'status',
    'help',
    'help plan',
    'version',
    '--help',
    'plan --help',
    '',
  ])("allows '%s'", (text) => {
    expect(outcome(text, rights)).toMatch(/^(?:build|status|help|version)/);
  });

  it.each(['plan --repo https://f.example/a', 'cancel x', 'attach x'])("denies '%s'", (text) => {
    const [name] = text.split(' ');
    expect(outcome(text, rights)).toBe(
      `5 this key may not give '${name}': its permit-commands allows build, status, help, version; ask whoever runs this buildbot (DENIED)`,
    );
  });

  it('is about seed spelling too', () => {
    expect(outcome('buildbot.sh --image x', { commands: ['status'] })).toContain("may not give 'build'");
  });
});

describe('command', () => {
  const rights = { forced: 'build --image registry.example/app --build-arg A=1' };
  const fixed = 'its command= fixes --image, --build-arg; ask whoever runs this buildbot (DENIED)';

  it.each([
    ['', 'build image=registry.example/app build-arg=A=1'],
    ['build', 'build image=registry.example/app build-arg=A=1'],
    ['build --tag 1 -t 2', 'build image=registry.example/app build-arg=A=1 tag=1|2'],
    ['--tag 1', 'build image=registry.example/app build-arg=A=1 tag=1'],
    ['./buildbot.sh --tag 1', 'build image=registry.example/app build-arg=A=1 tag=1'],
    ['build --help', 'help'],
    ['help', 'help'],
    ['version', 'version'],
    ['--version', 'version'],
  ])("'%s' becomes %s", (text, expected) => {
    expect(outcome(text, rights)).toBe(expected);
  });

  it.each([
    [
      'status',
      `5 this key may not give 'status': its command= is 'build'; ask whoever runs this buildbot (DENIED)`,
    ],
    [
      'plan --tag 1',
      `5 this key may not give 'plan': its command= is 'build'; ask whoever runs this buildbot (DENIED)`,
    ],
    ['build --image other', `5 this key may not give --image: ${fixed}`],
    ['build --image=registry.example/app', `5 this key may not give --image: ${fixed}`],
    ['--tag 1 --Image x', "2 unknown flag '--Image'"],
    ['build --build_arg B=2', `5 this key may not give --build-arg: ${fixed}`],
    ['build -t evil.example/app:1', `5 this key may not give --tag 'evil.example/app:1': ${fixed}`],
    ['build -t 1 -tother:2', `5 this key may not give --tag 'other:2': ${fixed}`],
    ['build stray', "2 unexpected argument 'stray'"],
    ['build -- --image x', "2 unexpected argument '--image'"],
  ])("'%s' is refused", (text, expected) => {
    expect(outcome(text, rights)).toContain(expected);
  });

  it.each([
    ['build --image app --tag latest', 'build -t 1', '--tag'],
    ['build --image app --tag latest', 'build -t=1', '--tag'],
    ['build --push', 'build --no-push', '--no-push'],
    ['build --no-push', 'build --push', '--push'],
    ['build --repo https://f.example/a', 'build --context -', '--context'],
    ['build --context -', 'build --repo https://f.example/a', '--repo'],
    ['build --project a', 'build --service_id b', '--service-id'],
  ])("'%s' and '%s'", (forced, text, flag) => {
    expect(outcome(text, { forced })).toContain(`5 this key may not give ${flag}: its command= fixes`);
  });

  it('may name what an operand names', () => {
    expect(outcome('', { forced: 'cancel nightly' })).toBe('cancel');
    expect(read('cancel', { forced: 'cancel nightly' }).operands).toEqual(['nightly']);
    expect(outcome('cancel other', { forced: 'cancel nightly' })).toContain(
      "5 this key may not name 'other'",
    );
  });

  it('is denied by permit-commands and permit-repo as well', () => {
    expect(outcome('', { forced: 'build', commands: ['status'] })).toContain(
      "5 this key may not give 'build'",
    );
    const rights = { forced: 'build', repositories: ['https://f.example/a'] };
    expect(outcome('--repo https://f.example/b', rights)).toContain('its permit-repo allows');
    expect(outcome('--repo https://f.example/a', rights)).toBe('build repo=https://f.example/a');
  });

  it('that is none lets nothing in', () => {
    expect(outcome('build', { forced: 'uptime' })).toContain(
      '5 this key may not give any command: its force-command',
    );
  });

  it.each(['', '   ', 'uptime', '--image x', 'build --imag x', 'build --image', "build 'x", 'serve'])(
    "'%s' is no command to force",
    (text) => {
      expect(() => parseForced(text)).toThrow(Failure);
    },
  );

  it('never loses what it fixes', () => {
    const words = array(
      constantFrom(
        'build',
        '--image',
        '--image=x',
        '--tag',
        '-t',
        '-tx',
        '--',
        '--help',
        '--no-push',
        '=',
      ).chain((word) =>
        constantFrom(word, `${word} `).chain((text) =>
          string({ maxLength: 4 }).map((noise) => (text.endsWith(' ') ? text + noise : text)),
        ),
      ),
    );
    assertProperty(
      property(words, (all) => {
        try {
          const command = readCommand(all, { local: false, rights });
          if (command.name === 'help' || command.name === 'version') return;
          expect([command.name, command.flags.all('image')]).toEqual(['build', ['registry.example/app']]);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
    );
  });
});
