import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credential } from './credential.js';

/** Seconds: for a connection, and between questions to a silent host, of which three may stay without an answer. */
export const SSH_WAITS = { connect: 15, question: 15, questions: 3 };

/** How to trust the forge's host key: known_hosts lines, and whether one that is not among them is accepted. */
export type HostKeys = { knownHosts: string; acceptNew: boolean };

/**
 * The ssh command line, for a shell, of a program that talks to a forge. Writes the key and the known hosts as
 * files into `directory`, which is private to the build. The runner's own keys, known hosts, agent and
 * configuration are out of reach, and the caller's agent goes no further than this ssh.
 */
export async function sshCommand(
  directory: string,
  credential: Credential,
  { knownHosts, acceptNew }: HostKeys,
): Promise<string> {
  const knownHostsFile = join(directory, 'known_hosts');
  await writeFile(knownHostsFile, knownHosts, { mode: 0o600 });
  const identity = join(directory, 'key');
  if (credential.kind === 'key') await writeFile(identity, keyText(credential.key.reveal()), { mode: 0o600 });
  const settings = {
    BatchMode: 'yes',
    // Without it ssh offers the keys of the user whom the runner runs as.
    IdentityFile: credential.kind === 'key' ? `"${identity}"` : 'none',
    IdentitiesOnly: credential.kind === 'agent' ? 'no' : 'yes',
    IdentityAgent: credential.kind === 'agent' ? `"${agentPath(credential.socket)}"` : 'none',
    UserKnownHostsFile: `"${knownHostsFile}"`,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: acceptNew ? 'accept-new' : 'yes',
    UpdateHostKeys: 'no',
    ForwardAgent: 'no',
    ConnectTimeout: String(SSH_WAITS.connect),
    ServerAliveInterval: String(SSH_WAITS.question),
    ServerAliveCountMax: String(SSH_WAITS.questions),
  };
  const words = Object.entries(settings).map(([name, value]) => `-o ${quote(`${name}=${value}`)}`);
  return ['ssh -F /dev/null', ...words].join(' ');
}

// ssh_config(5): the value may hold tokens, which begin with a percent sign.
function agentPath(socket: string): string {
  return socket.replace(/["\\]/g, '\\$&').replaceAll('%', '%%');
}

// OpenSSH refuses a key without a line end at its end, and one with line ends of Windows.
function keyText(key: string): string {
  return `${key.replaceAll('\r\n', '\n').trimEnd()}\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
