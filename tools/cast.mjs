// cast.mjs FILE --show COMMAND --run COMMAND [--name ADDRESS=NAME]…: runs a command of the shell in a terminal, and writes what the
// terminal got, when, as an asciicast (https://docs.asciinema.org/manual/asciicast/v2/), with a typed prompt before it and `echo $?`
// after it. Fails where the command does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import minimist from 'minimist';

const [width, height] = [112, 14];
const {
  _: [file],
  show,
  run,
  name = [],
} = minimist(process.argv.slice(2), { string: ['show', 'run', 'name'] });
const names = [name].flat().map((pair) => pair.split(/=(.*)/s).slice(0, 2));

/** Seconds: of a pause in typing, of a look at what is there, and the longest stillness that is shown. */
const [key, look, patience] = [0.03, 1.2, 1.5];

let time = 0;
const events = [];
const at = (seconds, text) => {
  time += seconds;
  events.push([Number(time.toFixed(3)), 'o', text]);
};
const type = (text) => {
  at(0, '$ ');
  for (const [index, sign] of [...text].entries()) at(index === 0 ? look : key, sign);
  at(look / 2, '\r\n');
};

type(show);
const code = await record(run);
type('echo $?');
at(0.01, `${code}\r\n$ `);
at(3, '');
const header = { version: 2, width, height, env: { TERM: 'xterm-256color' }, title: show };
writeFileSync(file, [header, ...events].map((line) => `${JSON.stringify(line)}\n`).join(''));
process.exitCode = code;

async function record(command) {
  const inside = `stty cols ${width} rows ${height}; exec ${command}`;
  const child = spawn('script', ['-qefc', inside, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh' },
  });
  const closed = once(child, 'close');
  let before = performance.now();
  let pending = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    pending += text;
    // An address may be cut where the terminal's buffer ends; a whole picture ends with a line or with a sequence.
    if (!/[\nA-Za-z]$/.test(pending)) continue;
    const now = performance.now();
    at(Math.min((now - before) / 1000, patience), told(pending));
    [before, pending] = [now, ''];
  }
  if (pending !== '') at(0, told(pending));
  return (await closed)[0];
}

/** Under the names of the README, and the result as far as the line goes. */
function told(text) {
  const named = names.reduce((all, [address, name]) => all.replaceAll(address, name), text);
  return named.replace(
    /^(__build_result_meta .*?)(\r?)$/m,
    (_, line, end) => `${line.slice(0, width - 1)}…${end}`,
  );
}
