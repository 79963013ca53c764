import { describe, expect, it } from 'vitest';
import { engineSettings } from '../../src/adapters/embedded/settings.js';
import { placesOf } from '../../src/adapters/embedded/places.js';
import { readConfig } from '../../src/config.js';
import { chooseEngine } from '../../src/engine-choice.js';

describe('the engine of a runner', () => {
  const all = { rights: [], programs: [] };
  const none = { rights: ['to be root', 'CAP_SYS_ADMIN'], programs: ['dockerd'] };
  const choose = (
    engine: 'auto' | 'docker' | 'embedded',
    { socket = false, host = '', lacks = all }: { socket?: boolean; host?: string; lacks?: typeof none } = {},
  ) => {
    const machine = { sockets: [socket ? '/' : '/nowhere'], lacks: () => lacks };
    return chooseEngine({ engine, dataDirectory: '/d' }, { DOCKER_HOST: host }, machine);
  };

  it('is, with auto, the socket or DOCKER_HOST where there is one, else its own where it may', () => {
    expect(choose('auto', { socket: true })).toEqual({ kind: 'docker', connection: {} });
    expect(choose('auto', { host: 'tcp://engine:2376' })).toEqual({ kind: 'docker', connection: {} });
    expect(choose('auto')).toMatchObject({ kind: 'embedded' });
  });

  it('is none otherwise, and one line says what to do', () => {
    expect(choose('auto', { lacks: none }).refusal?.line).toBe(
      'there is no engine: no socket at /var/run/docker.sock, no DOCKER_HOST, and one of its own lacks dockerd (not installed) and to be root, CAP_SYS_ADMIN; ' +
        'mount the socket (docker run -v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST (ENGINE_UNREACHABLE)',
    );
  });

  it('is what is asked for, and says which rights it lacks', () => {
    expect(choose('docker', { lacks: none })).toEqual({ kind: 'docker', connection: {} });
    expect(choose('embedded', { socket: true, host: 'unix:///x' })).toMatchObject({ kind: 'embedded' });
    expect(choose('embedded', { lacks: none }).refusal?.message).toBe(
      'BUILDBOT_ENGINE=embedded lacks dockerd (not installed) and to be root, CAP_SYS_ADMIN',
    );
  });

  it.each(['ssh://root@engine.example', '/var/run/docker.sock', 'fd://'])(
    'is not at %s, and a server says so at its start',
    (host) => {
      expect(choose('docker', { host }).refusal).toMatchObject({ code: 'CONFIG_INVALID' });
      expect(choose('embedded', { host }).refusal).toBeUndefined();
    },
  );

  it('takes the daemon.json of the operator, but for what is its own', () => {
    const config = (text: string) =>
      readConfig({ BUILDBOT_DATA_DIR: '/d', BUILDBOT_ENGINE_CONFIG: text }).engineSettings;
    const places = placesOf('/d');
    expect(engineSettings(places, config('{"registry-mirrors":["https://m.example"]}'))).toMatchObject({
      'registry-mirrors': ['https://m.example'],
      'data-root': '/d/engine',
      hosts: [`unix://${places.socket}`],
    });
    expect(() => engineSettings(places, config('{"hosts":["tcp://0.0.0.0:2375"]}'))).toThrow(
      "BUILDBOT_ENGINE_CONFIG: 'hosts' is the runner's own",
    );
    expect(() => config('[]')).toThrow(/^BUILDBOT_ENGINE_CONFIG is not a JSON object/);
  });
});
