import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../../src/config.js';
import { settings } from '../../../src/settings.js';

const read = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');

describe('what is shipped to run it', () => {
  const files = ['docker/compose.yml', 'docker/buildbot.service', 'docker/Dockerfile', 'docs/deploy.md'];

  it.each(files)('%s names no setting that is none', (name) => {
    // Of the files themselves: an image and a port to choose; and what Kubernetes makes of a Service's name.
    const own = ['BUILDBOT_IMAGE', 'BUILDBOT_PORT', 'BUILDBOT_SERVICE_HOST'];
    const known = settings.map(({ key }) => `BUILDBOT_${key.toUpperCase().replaceAll('-', '_')}`);
    const named = [...read(name).matchAll(/\bBUILDBOT_[A-Z_]+/g)].map(([match]) => match);
    expect(named.filter((match) => ![...own, ...known].includes(match.replace(/_FILE$/, '')))).toEqual([]);
  });

  it('whoever stops it waits for the time to drain and half a minute', () => {
    const seconds = readConfig({ BUILDBOT_DATA_DIR: '/d' }).drain / 1000 + 30;
    const { services } = parse(read('docker/compose.yml')) as {
      services: { runner: { stop_grace_period: string; environment: { BUILDBOT_DRAIN: string } } };
    };
    const { stop_grace_period: grace, environment } = services.runner;
    expect([grace, environment.BUILDBOT_DRAIN]).toEqual([`${(seconds - 30) / 60}m30s`, '10m']);
    expect(read('docker/buildbot.service')).toContain(`\nTimeoutStopSec=${seconds}\n`);
    expect(read('docs/deploy.md').match(/--stop-timeout (?!630)/g)).toBeNull();
  });
});
