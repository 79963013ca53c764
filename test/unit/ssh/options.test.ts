import { assert as assertProperty, constantFrom, array, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../../src/ssh/options.js';

const plain = { authority: false, touchRequired: true, verificationRequired: false, rights: {} };

describe('parseOptions', () => {
  it.each<[string, object]>([
    ['', {}],
    ['from="10.0.0.0/8,!10.1.2.3,2001:db8::*"', { from: ['10.0.0.0/8', '!10.1.2.3', '2001:db8::*'] }],
    ['FROM="10.0.0.1"', { from: ['10.0.0.1'] }],
    ['expiry-time="20301231Z"', { expires: new Date('2030-12-31T00:00:00Z') }],
    ['expiry-time="203012312359utc"', { expires: new Date('2030-12-31T23:59:00Z') }],
    ['expiry-time="20301231235958Z",expiry-time="20291231Z"', { expires: new Date('2029-12-31T00:00:00Z') }],
    ['expiry-time="20290102",expiry-time="20301231Z"', { expires: new Date(2029, 0, 2) }],
    [
      String.raw`command="build --label \"a,b=\\c\""`,
      { rights: { forced: String.raw`build --label "a,b=\\c"` } },
    ],
    [
      'permit-repo="git@forge.example:a/*, !*secret*"',
      { rights: { repositories: ['git@forge.example:a/*', '!*secret*'] } },
    ],
    ['permit-image="registry.example/app"', { rights: { images: ['registry.example/app'] } }],
    ['permit-commands="build,status"', { rights: { commands: ['build', 'status'] } }],
    ['permit-commands="status,all,cancel"', { rights: { commands: ['status', 'cancel'], everyBuild: true } }],
    ['max-builds="2"', { rights: { maxBuilds: 2 } }],
    ['cert-authority,principals="a,b c"', { authority: true, principals: ['a', 'b c'] }],
    ['no-touch-required', { touchRequired: false }],
    ['verify-required,no-verify-required', { verificationRequired: false }],
    ['Verify-Required', { verificationRequired: true }],
    ['no-pty,no-agent-forwarding', { rights: { noTerminal: true, noAgent: true } }],
    ['restrict', { rights: { noTerminal: true, noAgent: true, noForwarding: true } }],
    ['restrict,PTY,agent-forwarding', { rights: { noForwarding: true } }],
    ['pty,restrict', { rights: { noTerminal: true, noAgent: true, noForwarding: true } }],
    [
      'no-X11-forwarding,no-x11-forwarding,no-user-rc,user-rc,x11-forwarding,no-port-forwarding',
      { rights: { noForwarding: true } },
    ],
    // As in sshd.
    ['restrict,,pty,', { rights: { noAgent: true, noForwarding: true } }],
  ])('reads %s', (text, expected) => {
    expect(parseOptions(text)).toEqual({ ...plain, ...expected });
  });

  it.each([
    ['nonsense', "unknown option 'nonsense'"],
    ['no-restrict', "unknown option 'no-restrict'"],
    ['xyzpty', "unknown option 'xyzpty'"],
    ['constructor', "unknown option 'constructor'"],
    ['environment="A=b"', 'option environment= promises what this runner does not do'],
    ['tunnel="0"', 'option tunnel= promises'],
    ['permitopen="localhost:80"', 'option permitopen= promises'],
    ['permitlisten="80"', 'option permitlisten= promises'],
    ['restrict="yes"', 'option restrict takes no value'],
    ['from', 'option from needs a value in double quotes'],
    ['from=10.0.0.1', 'option from needs a value in double quotes'],
    ['from="10.0.0.1', 'option from needs a value in double quotes'],
    [String.raw`command="build\"`, 'option command needs a value in double quotes'],
    ['from="10.0.0.1"pty', "'pty' follows option from"],
    ['restrict"', 'follows option restrict'],
    ['from="10.0.0.1",from="10.0.0.2"', 'option from= is given twice'],
    ['command="build",Command="plan"', 'option Command= is given twice'],
    ['from="forge.example"', 'names are not looked up'],
    ['from="10.0.0.1,*.example.com"', 'names are not looked up'],
    ['from="!host"', 'names are not looked up'],
    ['from="10.0.0.1/33"', 'a prefix of a wrong length'],
    ['from="10.0.0.1/8"', 'bits set behind its prefix'],
    ['from="2001:db8::1/64"', 'bits set behind its prefix'],
    ['from="10.0.0.1,"', 'an entry of the list is empty'],
    ['expiry-time="20300230"', 'is no time'],
    ['expiry-time="2030"', 'is no time'],
    ['expiry-time="20301301"', 'is no time'],
    ['expiry-time="203012312460"', 'is no time'],
    ['expiry-time="tomorrow"', 'is no time'],
    ['max-builds="0"', 'is no number of builds'],
    ['max-builds="-1"', 'is no number of builds'],
    ['max-builds="2x"', 'is no number of builds'],
    ['permit-commands=""', 'an entry of the list is empty'],
    ['permit-commands="all"', 'it names no command'],
    ['permit-repo="!*"', 'it permits nothing'],
    ['permit-image=""', 'an entry of the list is empty'],
    ['principals="a"', 'with cert-authority alone'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseOptions(text)).toThrow(reason);
  });

  it('throws nothing but its own errors', () => {
    const pieces = constantFrom(
      'from',
      'no-',
      'restrict',
      '=',
      '"',
      '\\',
      ',',
      ' ',
      '10.0.0.1/8',
      '::ffff:',
      '*',
      '!',
      '\0',
    );
    const texts = array(pieces.chain((piece) => string().map((noise) => piece + noise))).map((all) =>
      all.join(''),
    );
    assertProperty(
      property(texts, (text) => {
        try {
          parseOptions(text);
        } catch (error) {
          expect((error as Error).constructor).toBe(Error);
        }
      }),
    );
  });
});
