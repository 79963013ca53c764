import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, request, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { join } from 'node:path';
import { lab } from '../lab/environment.js';
import { outputOf, type Output } from './runner.js';

const page = readFileSync('docs/use.md', 'utf8');

/** The first fenced block below a heading of docs/use.md, as it stands there. */
export function recipe(heading: string): string {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  const block = /^```\w*\n([^]*?)^```$/m.exec(section ?? '');
  if (!block) throw new Error(`docs/use.md has no block below '## ${heading}'`);
  return block[1]!;
}

/** Programs that come before those of the system: a name and a script of sh each. Gives the PATH with them in front. */
export async function pathWith(directory: string, programs: Record<string, string>): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(directory, name), 0o755);
  }
  return `${directory}:${process.env.PATH}`;
}

export type Situation = { cwd: string; environment: Record<string, string> };

/** Nothing of this process's own environment but what every login has. */
export function start(words: readonly string[], { cwd, environment }: Situation) {
  const [program = '', ...rest] = words;
  const { PATH = '', HOME = '' } = process.env;
  return spawn(program, rest, {
    cwd,
    stdio: 'pipe',
    env: { PATH, HOME, ...environment },
  }) satisfies ChildProcessByStdio<Writable, Readable, Readable>;
}

export async function execute(words: readonly string[], situation: Situation): Promise<Output> {
  const child = start(words, situation);
  child.stdin.end();
  return outputOf(child);
}

/** A forge as a job of GitLab sees it: the lab's git over HTTP, but for `gitlab-ci-token` with the token of the job. */
export async function startJobForge(token: string): Promise<{ url: string } & AsyncDisposable> {
  const basic = (user: string, password: string) =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const authorization = basic(lab('LAB_GIT_HTTP_USERNAME'), lab('LAB_GIT_HTTP_TOKEN'));
  const forward: RequestListener = (incoming, response) => {
    if (incoming.headers.authorization !== basic('gitlab-ci-token', token))
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="forge"' }).end();
    const { method, url, headers } = incoming;
    const onward = request(`${lab('LAB_GIT_HTTP')}${url}`, {
      method: method!,
      headers: { ...headers, authorization },
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward);
  };
  const server = createServer(forward).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
