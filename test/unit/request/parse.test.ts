import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import { commandName, parseCommand, requestedOutput } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';

const parse = (text: string, local = false) => parseCommand(splitCommand(text), { local });

function refusal(text: string): Failure {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error(`'${text}' was accepted`);
}

describe('splitCommand', () => {
  it.each([
    ['build --repo x', ['build', '--repo', 'x']],
    ['a  b\n\tc', ['a', 'b', 'c']],
    [`a 'b c' "d e"f`, ['a', 'b c', 'd ef']],
    [String.raw`a b\ c "d\"e" 'f\g' "\x"`, ['a', 'b c', 'd"e', String.raw`f\g`, String.raw`\x`]],
    [`--test ''`, ['--test', '']],
    ['echo $HOME; rm -rf * > x', ['echo', '$HOME;', 'rm', '-rf', '*', '>', 'x']],
    ['a\u00a0b c\u3000d', ['a\u00a0b', 'c\u3000d']],
    ['', []],
    ['  ', []],
  ])('%j → %j', (text, words) => expect(splitCommand(text)).toEqual(words));

  it.each([`a 'b`, 'a "b', 'a\\'])('refuses %j', (text) =>
    expect(() => splitCommand(text)).toThrow(/not closed/),
  );
  it('refuses NUL and other control characters', () =>
    expect(() => splitCommand('a\0b')).toThrow(/control characters/));

  it('gives back what a careful caller quoted', () => {
    const quote = (word: string) => `'${word.replaceAll("'", String.raw`'\''`)}'`;
    const printable = fc.string({ unit: 'grapheme' }).filter((word) => !/[\0-\x08\x0b-\x1f\x7f]/.test(word));
    fc.assert(
      fc.property(fc.array(printable), (words) => {
        expect(splitCommand(words.map(quote).join(' '))).toEqual(words);
      }),
    );
  });

  it('never throws anything but a Failure', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseCommand(splitCommand(text), { local: false });
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
    );
  });
});

describe('parseCommand', () => {
  it('takes flags in every spelling', () => {
    const { flags } = parse(
      'build --repo=a --build_arg X=1 --build-arg=Y=2=3 -t a -t b --tag c --no-cache --no_push -f D --credentials -',
    );
    expect(flags.one('repo')).toBe('a');
    expect(flags.all('build-arg')).toEqual(['X=1', 'Y=2=3']);
    expect(flags.all('tag')).toEqual(['a', 'b', 'c']);
    expect([flags.switch('no-cache'), flags.switch('no-push'), flags.switch('push')]).toEqual([
      true,
      true,
      false,
    ]);
    expect([flags.one('file'), flags.one('credentials')]).toEqual(['D', '-']);
  });

  it('has a name for the log, which is nothing that a caller made up', () => {
    const lines = ['build --x', 'buildbot.sh', '', '--docker-login-cmd=p', 'hunter2'];
    const names = lines.map((line) => commandName(line.split(' ').filter((word) => word !== '')));
    expect(names).toEqual(['build', 'build', 'help', '?', '?']);
  });

  it("knows the seed's script name", () => expect(parse('buildbot.sh --repo a').name).toBe('build'));

  it("tells how it is used where the seed's script gets nothing, with its exit code", () =>
    expect(parse('/usr/bin/buildbot.sh')).toMatchObject({ name: 'help', operands: ['build'], exitCode: 1 }));

  it('puts a login together again that ssh has taken the quotes of', () => {
    for (const login of ['docker login -u U -p P a.example', 'sudo docker login -u U -p P a.example']) {
      const { flags } = parse(`build --docker_login_cmd ${login} --repo a`);
      expect(splitCommand(flags.one('docker-login-cmd')!)).toEqual(login.split(' '));
      expect(flags.one('repo')).toBe('a');
    }
  });
  it('shows help for no command and for --help', () => {
    expect(parse('').name).toBe('help');
    expect(parse('build --help')).toMatchObject({ name: 'help', operands: ['build'] });
    expect(parse('build --repo x --help')).toMatchObject({ name: 'help', operands: ['build'] });
    expect(parse('attach x --help')).toMatchObject({ name: 'help', operands: ['attach'] });
    expect(refusal('build --test ./app --help').line).toContain("'--help' stands beside --test");
    expect(refusal('build --builder_command=./app --help').line).toContain('beside --builder-command');
  });

  it.each([
    ['build --rep x', "unknown flag '--rep', did you mean '--repo'?"],
    ['build --constructor x', "unknown flag '--constructor'"],
    ['build --no-repo', "unknown flag '--no-repo'"],
    ['build -x', "unknown flag '-x'"],
    ['build --repo', '--repo needs a value: URL'],
    ['build --repo --tag x', '--repo needs a value: URL'],
    ['build --image a --image b', "--image is given twice: 'a' and 'b'"],
    ['build --pull=maybe', "--pull takes no value, but got 'maybe'"],
    ['build --output jsno', "--output 'jsno' is not known, did you mean 'json'?"],
    ['build repo', "unexpected argument 'repo'"],
    ['buidl', "unknown command 'buidl', did you mean 'build'?"],
    ['serve', "unknown command 'serve'"],
    ['bash -c id', "unknown command 'bash'"],
  ])('%s: %s', (text, message) => {
    const failure = refusal(text);
    expect(failure.message).toContain(message);
    expect([failure.code, failure.exitCode]).toEqual(['USAGE', 2]);
  });

  it('finds the output format in a line that is wrong otherwise', () => {
    expect(requestedOutput(['build', '--nonsense', '--output=json'])).toBe('json');
    expect(requestedOutput(['build', '--output', 'result'])).toBe('result');
    expect(requestedOutput(['build'])).toBeUndefined();
  });
});

describe('a value that stands in the wrong place', () => {
  const key = Buffer.from('a private key, all of it'.repeat(50)).toString('base64');
  it.each([
    [`plan --repo_auth_key= ${key}`, key.slice(0, 40)],
    ['plan -psecondpw', 'secondpw'],
    ['plan https://u:pwsecret1@z.example/y', 'pwsecret1'],
    ['plan --repo https://x.example/y --repo https://u:pwsecret1@z.example/y', 'pwsecret1'],
    ['plan --context https://u:pwsecret1@z.example/y', 'pwsecret1'],
    ['https://u:pwsecret1@z.example/y', 'pwsecret1'],
  ])('%#: is not shown', (line, secret) => {
    const { line: said } = refusal(line);
    expect(said).not.toContain(secret);
    expect(said.length).toBeLessThan(300);
  });
});

describe("function61/buildbot's login, from which ssh took the quotes", () => {
  const login = (line: string) => parse(`build ${line}`).flags.all('docker-login-cmd');
  it.each([
    '--docker_login_cmd docker login -u U -p P HOST --tag 1',
    '--docker_login_cmd=docker login -u U -p P HOST --tag 1',
    '--docker_login_cmd docker login -u U -p P HOST -t 1',
  ])('%s', (line) => {
    expect(login(line)).toEqual(["'docker' 'login' '-u' 'U' '-p' 'P' 'HOST'"]);
    expect(parse(`build ${line}`).flags.all('tag')).toEqual(['1']);
  });

  it('twice', () => {
    const one = '--docker_login_cmd docker login -u U -p P';
    expect(login(`${one} A ${one} B -t 1`)).toEqual([
      "'docker' 'login' '-u' 'U' '-p' 'P' 'A'",
      "'docker' 'login' '-u' 'U' '-p' 'P' 'B'",
    ]);
  });
});

it("a short flag's empty value is missed by name", () => {
  expect(refusal(`build -t ''`).message).toContain('--tag needs a value');
});
