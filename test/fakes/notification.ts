import type { Notification } from '../../src/ports.js';

export const success: Notification = {
  state: 'success',
  build: 'b-20260102-1',
  project: 'app',
  repo: 'git@github.com:team/app.git',
  revision: {
    id: '1f0c5b9d3a7e4c2b8d6f0e1a2b3c4d5e6f708192',
    ref: 'main',
    refKind: 'branch',
    committedAt: new Date('2026-01-02T03:04:05Z'),
    author: 'Ada Lovelace <ada@example.com>',
    message: 'Count & compare <T>\n\nThe body.',
  },
  summary: 'built and pushed 2 images in 31 s',
  images: [
    { ref: 'registry.example.com:5000/team/app:1.2', digest: `sha256:${'ab'.repeat(32)}` },
    { ref: 'registry.example.com:5000/team/app:latest', digest: `sha256:${'ab'.repeat(32)}` },
  ],
  url: 'https://buildbot.example.com/builds/b-20260102-1',
};

export const failure: Notification = {
  ...success,
  state: 'failure',
  summary: 'test: npm test exited with 1',
  images: [],
};

export const pending: Notification = { ...success, state: 'pending', summary: 'building', images: [] };
