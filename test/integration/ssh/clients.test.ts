import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionHandler } from '../../../src/ssh/session.js';
import { dropKeyRing, makeKeyRing, outcomeOf, run, start, startLab, type Lab } from './lab.js';

const ring = makeKeyRing();
let lab: Lab;

/** Commands that show what the server saw. */
const handle: SessionHandler = async ({ command, stdin, stdout, stderr, environment, terminal, caller }) => {
  const [name, argument = ''] = (command ?? 'shell').split(' ');
  if (name === 'exit') return Number(argument);
  if (name === 'hash') {
    const hash = createHash('sha256');
    for await (const chunk of stdin) hash.update(chunk as Buffer);
    stdout.write(hash.digest('hex'));
    return 0;
  }
  if (name === 'both') {
    stdout.write('to stdout\n');
    stderr.write('to stderr\n');
    return 3;
  }
  if (name === 'crash') throw new Error('a secret detail');
  stdout.write(`${JSON.stringify({ command, environment: [...environment], terminal, caller })}\n`);
  return 0;
};

beforeAll(async () => {
  const authorized = [
    ring.add('ed25519', '-t', 'ed25519'),
    ring.add('ecdsa256', '-t', 'ecdsa', '-b', '256'),
    ring.add('ecdsa384', '-t', 'ecdsa', '-b', '384'),
    ring.add('ecdsa521', '-t', 'ecdsa', '-b', '521'),
    ring.add('rsa', '-t', 'rsa', '-b', '2048'),
    ring.add('rsa1024', '-t', 'rsa', '-b', '1024'),
  ].join('');
  ring.add('stranger', '-t', 'ed25519');
  ring.add('pem', '-t', 'rsa', '-b', '2048', '-m', 'PEM');
  lab = await startLab(ring, { handle, authorized });
});
afterAll(async () => {
  await lab.server.end();
  dropKeyRing(ring);
});

describe('OpenSSH', () => {
  it('gets stdout, stderr and the exit code', async () => {
    const { code, stdout, stderr } = await run('ssh', [...lab.ssh(), 'h', 'both']);
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({
      code: 3,
      stdout: 'to stdout\n',
      stderr: 'to stderr\n',
    });
  });

  it.each([0, 1, 2, 3, 4, 5, 69, 70, 75, 124, 130])('gets exit code %i', async (code) => {
    expect((await run('ssh', [...lab.ssh(), 'h', `exit ${code}`])).code).toBe(code);
  });

  it.each(['ed25519', 'ecdsa256', 'ecdsa384', 'ecdsa521', 'rsa'])('logs in with %s', async (key) => {
    expect((await run('ssh', [...lab.ssh(key), 'h', 'exit 0'])).code).toBe(0);
  });

  it.each(['rsa-sha2-256', 'rsa-sha2-512'])('logs in with an RSA key and %s alone', async (algorithm) => {
    const options = ['-o', `PubkeyAcceptedAlgorithms=${algorithm}`];
    expect((await run('ssh', [...lab.ssh('rsa'), ...options, 'h', 'exit 0'])).code).toBe(0);
  });

  it.each([
    ['a key that is not authorized', 'stranger', []],
    ['RSA with 1024 bits', 'rsa1024', ['-o', 'RequiredRSASize=1024']],
    ['RSA signing with SHA-1', 'rsa', ['-o', 'PubkeyAcceptedAlgorithms=ssh-rsa']],
    ['no key', 'ed25519', ['-o', 'PubkeyAuthentication=no']],
    ['passwords alone', 'ed25519', ['-o', 'PreferredAuthentications=password,keyboard-interactive']],
  ])('is refused with %s', async (_, key, options) => {
    const { code, stderr } = await run('ssh', [...lab.ssh(key), ...options, 'h', 'exit 0']);
    expect({ code, stderr }).toEqual({
      code: 255,
      stderr: expect.stringContaining('Permission denied (publickey)') as string,
    });
  });

  it('tells the handler who calls', async () => {
    const { stdout } = await run('ssh', [...lab.ssh(), '-l', 'root', 'h', 'show']);
    expect(JSON.parse(stdout.toString())).toMatchObject({
      command: 'show',
      caller: {
        username: 'root',
        address: '127.0.0.1',
        comment: 'ed25519',
        fingerprint: expect.stringMatching(/^SHA256:/) as string,
      },
    });
    const line = await lab.logged(
      ({ message, fields }) => message === 'login' && fields['username'] === 'root',
    );
    expect(line.fields).toMatchObject({ comment: 'ed25519', address: '127.0.0.1' });
  });

  it('sends environment variables, of which at most 64 are kept', async () => {
    const many = Array.from({ length: 70 }, (_, index) => `V${index}="value ${index}"`).join(' ');
    const { stdout } = await run('ssh', [...lab.ssh(), '-o', `SetEnv=${many}`, 'h', 'show']);
    const { environment } = JSON.parse(stdout.toString()) as { environment: string[][] };
    expect(environment).toHaveLength(64);
    expect(environment[3]).toEqual(['V3', 'value 3']);
  });

  it('reaches the handler without a command, with and without a terminal', async () => {
    const plain = await run('ssh', [...lab.ssh(), 'h']);
    expect(JSON.parse(plain.stdout.toString())).not.toHaveProperty('command');
    const terminal = await run('ssh', [...lab.ssh(), '-tt', 'h']);
    expect(terminal).toMatchObject({ code: 0 });
    expect(JSON.parse(terminal.stdout.toString())).toMatchObject({
      terminal: { columns: expect.any(Number) as number },
    });
  });

  it('gets carriage returns in a terminal', async () => {
    const { stdout, stderr } = await run('ssh', [...lab.ssh(), '-tt', 'h', 'both']);
    expect(stdout.toString() + stderr).toBe('to stdout\r\nto stderr\r\n');
  });

  it('sends 50 MB of stdin, rekeying now and then', async () => {
    const input = randomBytes(50_000_000);
    const { stdout } = await run('ssh', [...lab.ssh(), '-o', 'RekeyLimit=8M', 'h', 'hash'], { input });
    expect(stdout.toString()).toBe(createHash('sha256').update(input).digest('hex'));
  });

  it('gets 70 and no detail when the handler fails', async () => {
    const { code, stderr } = await run('ssh', [...lab.ssh(), 'h', 'crash']);
    expect({ code, stderr }).toEqual({ code: 70, stderr: 'internal error; please report it (INTERNAL)\n' });
    const { fields } = await lab.logged(({ message }) => message === 'session failed');
    expect(fields['err']).toMatchObject({ message: 'a secret detail' });
  });

  it('opens several sessions on one connection', async () => {
    const path = ring.file('mux');
    const options = [...lab.ssh(), '-S', path];
    const master = start('ssh', [...options, '-M', 'h', 'hash']);
    const ended = outcomeOf(master);
    await lab.logged(({ message }) => message === 'login');
    await expect.poll(async () => (await run('ssh', [...options, '-O', 'check', 'h'])).code).toBe(0);
    const codes = await Promise.all(
      Array.from(
        { length: 12 },
        async (_, index) => (await run('ssh', [...options, 'h', `exit ${index}`])).code,
      ),
    );
    expect(codes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    master.stdin.end('abc');
    expect((await ended).stdout.toString()).toBe(createHash('sha256').update('abc').digest('hex'));
  });
});

describe('other clients', () => {
  it('plink', async () => {
    const key = ring.file('ed25519.ppk');
    expect((await run('puttygen', [ring.file('ed25519'), '-O', 'private', '-o', key])).code).toBe(0);
    const options = [
      '-batch',
      '-ssh',
      '-P',
      String(lab.port),
      '-i',
      key,
      '-hostkey',
      lab.fingerprint,
      'u@127.0.0.1',
    ];
    const input = randomBytes(5_000_000);
    const { code, stdout, stderr } = await run('plink', [...options, 'hash'], { input });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout.toString()).toBe(createHash('sha256').update(input).digest('hex'));
    expect((await run('plink', [...options, 'exit 42'])).code).toBe(42);
  });

  it.each(['ed25519', 'rsa', 'ecdsa256'])('dbclient with %s', async (name) => {
    const key = ring.file(`${name}.dropbear`);
    const source = name === 'rsa' ? ring.file('rsa') : ring.file(name);
    expect((await run('dropbearconvert', ['openssh', 'dropbear', source, key])).code).toBe(0);
    const options = ['-y', '-y', '-p', String(lab.port), '-i', key, 'u@127.0.0.1'];
    const { code, stdout, stderr } = await run('dbclient', [...options, 'both']);
    expect({ code, stdout: stdout.toString(), stderr }).toMatchObject({ code: 3, stdout: 'to stdout\n' });
    expect(stderr).toContain('to stderr');
  });

  it('paramiko, with and without a terminal', async () => {
    const script = `
import os, sys, paramiko
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect('127.0.0.1', ${lab.port}, 'u', key_filename=sys.argv[1], look_for_keys=False, allow_agent=False)
for pty in (False, True):
    stdin, stdout, stderr = client.exec_command('both', get_pty=pty)
    print(repr(stdout.read()), repr(stderr.read()), stdout.channel.recv_exit_status())
client.close()
sys.stdout.flush()
os._exit(0)  # paramiko's destructors complain otherwise
`;
    for (const key of ['ed25519', 'rsa', 'ecdsa521']) {
      const { stdout, stderr } = await run('/usr/bin/python3', ['-', ring.file(key)], { input: script });
      expect({ stdout: stdout.toString(), stderr }).toEqual({
        stdout: "b'to stdout\\n' b'to stderr\\n' 3\nb'to stdout\\r\\n' b'to stderr\\r\\n' 3\n",
        stderr: '',
      });
    }
  });

  it('asyncssh, several sessions at once', async () => {
    const script = `
import asyncio, sys, asyncssh
async def main():
    async with asyncssh.connect('127.0.0.1', ${lab.port}, username='u', client_keys=[sys.argv[1]], known_hosts=None) as client:
        results = await asyncio.gather(*(client.run('both') for _ in range(5)), client.run('hash', input='abc'))
        for result in results:
            print(repr(result.stdout), repr(result.stderr), result.exit_status)
asyncio.run(main())
`;
    const abc = createHash('sha256').update('abc').digest('hex');
    for (const key of ['ed25519', 'rsa', 'ecdsa521']) {
      const { code, stdout } = await run('/usr/bin/python3', ['-W', 'ignore', '-', ring.file(key)], {
        input: script,
      });
      expect({ code, stdout: stdout.toString() }).toEqual({
        code: 0,
        stdout: `${"'to stdout\\n' 'to stderr\\n' 3\n".repeat(5)}'${abc}' '' 0\n`,
      });
    }
  });
});
