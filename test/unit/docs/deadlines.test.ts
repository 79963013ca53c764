import { expect, it } from 'vitest';
import { STDIN_SILENCE } from '../../../src/adapters/context/stream.js';
import { PRUNING } from '../../../src/adapters/docker/build-cache.js';
import { GRACE as STOP_GRACE, DEADLINE as STOPPED } from '../../../src/adapters/docker/container-stop.js';
import { MAKING } from '../../../src/adapters/docker/containers.js';
import { DEADLINE, PATIENCE } from '../../../src/adapters/docker/deadline.js';
import { DEADLINE as IDENTIFY } from '../../../src/adapters/docker/describe.js';
import { MEASURING } from '../../../src/adapters/docker/disk-usage.js';
import { GRACE as CANCEL } from '../../../src/adapters/docker/gentle-stop.js';
import { ANSWER, SILENCE } from '../../../src/adapters/docker/pulse.js';
import { PATIENCE as PAUSE } from '../../../src/adapters/docker/registry-pause.js';
import { REQUEST } from '../../../src/adapters/docker/request-limits.js';
import { PATIENCE as SWEEP } from '../../../src/adapters/docker/sweep.js';
import { ADMINISTRATION } from '../../../src/adapters/git/store.js';
import { GRACE as ENGINE_END } from '../../../src/adapters/embedded/daemon.js';
import { BUILD_PATIENCE, PATIENCE as ENGINE_START } from '../../../src/adapters/embedded/engine.js';
import { TRIES } from '../../../src/adapters/notify/delivery.js';
import { TRY } from '../../../src/adapters/notify/notifier.js';
import { CONNECT, IDLE } from '../../../src/adapters/s3/client.js';
import { TAKE_BACK } from '../../../src/adapters/s3/store.js';
import { GRACE as PROGRAM } from '../../../src/adapters/vcs/command.js';
import { WEB_SILENCE } from '../../../src/adapters/vcs/environment.js';
import { SSH_WAITS } from '../../../src/adapters/vcs/ssh.js';
import { PATIENCE as DOCUMENT } from '../../../src/commands/read-all.js';
import { readConfig } from '../../../src/config.js';
import { PATIENCE as STATUS } from '../../../src/health.js';
import { DOOR, ENGINE as HEALTH, REPORT } from '../../../src/healthcheck.js';
import { stepNames } from '../../../src/model/events.js';
import { LAST_LINES, LAST_WORDS } from '../../../src/model/last-words.js';
import { formatDuration } from '../../../src/model/quantity.js';
import { GRACE as BEGINNING } from '../../../src/run/announce.js';
import { FAREWELL } from '../../../src/run/patience.js';
import { LONGEST } from '../../../src/run/rescue.js';
import { CLEANUP } from '../../../src/serve.js';
import { AGENT_ANSWER } from '../../../src/ssh/agent.js';
import { LONGEST as RETRY_AFTER } from '../../../src/steps/push.js';
import { defaultLimits as door, farewellMs } from '../../../src/ssh/server.js';

const time = (ms: number) =>
  ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
const table = (head: string, rows: readonly (readonly string[])[]) =>
  [head, head.replace(/[^|]+/g, ' --- '), ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');

const { stepTimeouts, maxTimeout, drain } = readConfig({ BUILDBOT_DATA_DIR: '/d' });
const steps = stepNames.map((step) => {
  const ms = stepTimeouts[step];
  return [`\`${step}\``, ms === undefined ? 'the time of the build' : time(ms)];
});

const whole = '124, `TIMEOUT`';
const engine = '69, `ENGINE_UNREACHABLE`';
const waits = [
  [
    'The whole build, from its start',
    `\`--timeout\`, at most \`BUILDBOT_MAX_TIMEOUT\` (${time(maxTimeout)})`,
    whole,
  ],
  ['One step', '`BUILDBOT_STEP_TIMEOUTS`, above', `${whole}; for \`notify\` a warning`],
  ['A document on stdin, or the line `---` behind it', time(DOCUMENT), '2, `USAGE`'],
  ['The next bytes of a context on stdin', time(STDIN_SILENCE), '3, `SOURCE_FAILED`'],
  [
    "The caller's ssh-agent, one answer",
    time(AGENT_ANSWER),
    'whoever asked goes on without; a line on stderr',
  ],
  ['The shell of `--on-failure shell`', time(LONGEST), 'it ends, the verdict is that of the build'],
  [
    'A caller who does not read, once its build is cancelled or out of time',
    time(FAREWELL),
    'the rest is dropped',
  ],
  [
    'A caller who does not read the verdict of a build that has ended',
    time(LAST_WORDS),
    'the connection of that command is closed',
  ],
  [
    'git and Mercurial over SSH: to connect; a host that answers no question',
    `${SSH_WAITS.connect} s; ${SSH_WAITS.question * SSH_WAITS.questions} s`,
    '3, `SOURCE_UNREACHABLE`',
  ],
  ['git and Mercurial over HTTP: silence', `${WEB_SILENCE} s`, '3, `SOURCE_UNREACHABLE`'],
  [
    'A forge that is there and says nothing; a turn at the mirror of one repository',
    'the step `source`',
    whole,
  ],
  [
    'What git does in a mirror of the runner',
    `${time(ADMINISTRATION)} of silence`,
    '3, or the mirror stays as it is',
  ],
  [
    'A program of version control that was told to end',
    time(PROGRAM),
    'it is killed, with all that it has started',
  ],
  ['The engine: what it does at once (make, start, inspect, name, attach)', time(REQUEST), engine],
  ['The engine: who it is', time(IDENTIFY), engine],
  [
    'The engine: silent in a build, push, pull, copy, container, removal',
    `${time(SILENCE)}, then it is asked \`/_ping\` on another connection; ${time(ANSWER)} for that`,
    engine,
  ],
  [
    'The engine: to name an image; to remove something at the end of a build',
    `${time(PATIENCE)}, or ${time(DEADLINE)} where the build was cancelled or it answers nobody`,
    `${engine}; a warning, and it is tried again, also at the next start`,
  ],
  [
    'The engine: to measure what it caches, beside builds; to prune it',
    `${time(MEASURING)}; ${time(PRUNING)}`,
    'a line in the log of the runner',
  ],
  [
    'The engine: to end what a cancelled build has begun',
    `${time(CANCEL)} for a build, ${time(MAKING)} for a container in the making`,
    'the connection is cut',
  ],
  [
    'A container that was told to end (TERM); after KILL',
    `${time(STOP_GRACE)}; ${time(STOPPED)}`,
    'KILL; a warning',
  ],
  [
    'The engine: all that a dead runner has left, at the start',
    time(SWEEP),
    'a line in the log; the next start tries again',
  ],
  ['A registry', 'the step `push`; of a pull, the step', whole],
  [
    'A registry that turned a push away: its word on when to come back; the time that it asks for',
    `${time(PAUSE)}; ${time(RETRY_AFTER * 1000)}`,
    'the usual pauses; 4, `PUSH_FAILED`, at once',
  ],
  [
    'Another build that pushes, or names, under the same name',
    `the step \`push\`; with \`--no-push\` ${time(DEADLINE)}`,
    `${whole}; 69, \`ENGINE_FAILED\``,
  ],
  ['S3: to connect; silence', `${time(CONNECT)}; ${time(IDLE)}`, '4, `PUBLISH_FAILED`, after its retries'],
  ['S3: to take an upload back', time(TAKE_BACK), 'a warning'],
  ['A notification', `${time(TRY)} a try, ${TRIES} tries`, 'a warning'],
  ['The notification of the beginning, once the end is known', time(BEGINNING), 'it is not told'],
  [
    'SSH: a login; a silent client that is asked',
    `${time(door.loginGraceMs)}; ${time(door.keepaliveIntervalMs * (door.keepaliveCountMax + 1))}`,
    'the connection is ended; for the build, `--on-disconnect`',
  ],
  ['Another build or runner that fetches into the same copy of a repository', 'the step `source`', whole],
  ['`status`: the engine', time(STATUS), 'it is told as not reachable'],
  [
    "An engine of the runner's own: to answer after its start; to end; a build, for one that has died",
    `${time(ENGINE_START)}; ${time(ENGINE_END)}; ${time(BUILD_PATIENCE)}`,
    'it is started again; it is killed; 69, `ENGINE_UNREACHABLE`',
  ],
  [
    '`healthcheck`: the port, the report of the runner, the engine',
    [DOOR, REPORT, HEALTH].map(time).join(', '),
    engine,
  ],
  [
    'SIGTERM: running builds; what they clean up; connections; a log that nobody reads',
    `\`BUILDBOT_DRAIN\` (${time(drain)}); ${time(CLEANUP)}; ${time(2 * farewellMs)}; ${time(LAST_LINES)}`,
    '130 (75 for who waits); the next start cleans up',
  ],
] as const;

it('docs/reference/deadlines.md is made from the code: npx vitest run test/unit/docs -u', async () => {
  await expect(`# Deadlines

<!-- Made from the code by test/unit/docs/deadlines.test.ts; change it there. -->

Nothing is waited for without end. Where somebody sends or answers, silence is bounded: a transfer that is slow and moves has the time of its step.
What says that a time is over names what was waited for and how long; where an operator can change it, also the setting.

## Steps

${table('| Step | At most |', steps)}

\`BUILDBOT_STEP_TIMEOUTS=push=1h,test=10m\` changes those two. There is no flag for it: a caller who wants less gives \`--timeout\`. A step that is over
ends with exit code 124, for example \`the step 'push' took longer than ${formatDuration(1_800_000)}; … push=… in BUILDBOT_STEP_TIMEOUTS\`, and all of the build is cleaned up as after any
other failure.

## Everything that is waited for

${table('| What | At most | Then |', waits)}
`).toMatchFileSnapshot('../../../docs/reference/deadlines.md');
});
