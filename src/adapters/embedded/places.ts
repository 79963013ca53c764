import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

/** Where an embedded engine has its things. One to a data directory, so its name says which is whose, also after a crash. */
export type Places = {
  /** Images, containers, build cache: all that outlives the engine. */
  dataRoot: string;
  /** Private, and gone with the machine: sockets, pid, what dockerd is told. */
  runDirectory: string;
  socket: string;
  /** Process id and start time of the engine that runs. */
  record: string;
  /** A line for people: how it is. */
  state: string;
  /** Name of the bridge, and of the chains of the packet filter. At most 15 characters, IFNAMSIZ of if.h. */
  bridge: string;
  /** Where containers' control groups are, from the root of each hierarchy. */
  cgroup: string;
};

export function placesOf(dataDirectory: string): Places {
  const data = resolve(dataDirectory);
  const name = `bb-${createHash('sha256').update(data).digest('hex').slice(0, 8)}`;
  // Not below the data directory: the path of a Unix socket has 107 bytes at most.
  const runDirectory = join('/run/buildbot', name);
  return {
    dataRoot: join(data, 'engine'),
    runDirectory,
    socket: join(runDirectory, 'docker.sock'),
    record: join(runDirectory, 'pid'),
    state: join(runDirectory, 'state'),
    bridge: name,
    cgroup: `/${name}`,
  };
}
