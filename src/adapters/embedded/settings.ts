import { join } from 'node:path';
import { Failure } from '../../model/errors.js';
import type { Places } from './places.js';

/**
 * What dockerd is told; keys as in its daemon.json (docs.docker.com, dockerd). What the operator says is added. Throws CONFIG_INVALID where
 * that is about what is the runner's own.
 */
export function engineSettings(places: Places, operators: Readonly<Record<string, unknown>>): object {
  const own = {
    hosts: [`unix://${places.socket}`],
    'data-root': places.dataRoot,
    'exec-root': join(places.runDirectory, 'exec'),
    pidfile: join(places.runDirectory, 'dockerd.pid'),
    bridge: places.bridge,
    iptables: false,
    ip6tables: false,
    'ip-masq': false,
    'ip-forward': false,
    'cgroup-parent': places.cgroup,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    'live-restore': false,
    'shutdown-timeout': 5,
  };
  const taken = Object.keys(own).find((key) => key in operators);
  if (taken === undefined) return { ...operators, ...own };
  throw new Failure('CONFIG_INVALID', `BUILDBOT_ENGINE_CONFIG: '${taken}' is the runner's own`, {
    hint: 'leave it out',
  });
}
