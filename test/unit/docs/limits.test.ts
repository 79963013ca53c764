import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MAX_CREDENTIALS } from '../../../src/request/credentials.js';
import { brakeLimits } from '../../../src/ssh/brakes.js';
import { refusalLimits } from '../../../src/ssh/refusals.js';
import { defaultLimits as limits } from '../../../src/ssh/server.js';
import { environmentLimit } from '../../../src/ssh/session.js';

const MiB = (bytes: number) => `${bytes / 2 ** 20} MiB`;
const s = (milliseconds: number) => `${milliseconds / 1000} s`;
const silence = limits.keepaliveIntervalMs * (limits.keepaliveCountMax + 1);

// The packet's size is ssh2's (MAX_PACKET_SIZE); test/integration/ssh/abuse-callers.test.ts has a command on either side of it.
const table = `| What | At most | Beyond it |
| --- | --- | --- |
| Connections | ${limits.maxConnections}, with one key ${limits.maxConnectionsPerKey} | those without a login give way; where all have one, the newcomer is refused |
| Connections without a login, of one address (IPv6: its /64) | ${limits.maxUnauthenticatedPerAddress} | the one that has come least far, and stood there longest, gives way |
| Time for a login | ${s(limits.loginGraceMs)} | the connection is ended |
| Keys that one connection may try | ${limits.maxAuthTries} | the connection is ended |
| Sessions on one connection | ${limits.maxSessionsPerConnection} | the session is refused |
| A packet, hence a command | 35,000 bytes | the connection is ended |
| Environment of a session | ${environmentLimit.variables} variables and \`BUILDBOT_CREDENTIALS\`, ${MiB(environmentLimit.bytes)} | what is more is left out |
| Credentials document | ${MiB(MAX_CREDENTIALS)} | exit 2 |
| Answers that a client does not read | ${MiB(brakeLimits.unreadBytes)} | nothing further is read from it |
| Key exchanges of one connection | ${brakeLimits.freeKeyExchanges} | it waits for ${s(brakeLimits.keyExchangePauseMs)} after each further one |
| Silence of a client that is asked | ${s(silence)} | the connection is ended |
| Lines of log on refusals, of one address in ${s(refusalLimits.periodMs)} | ${refusalLimits.reasons} reasons of a kind | counted, and told in one line |
`;

it('SECURITY.md has the limits that the code has', () => {
  expect(readFileSync('SECURITY.md', 'utf8')).toContain(table);
});
