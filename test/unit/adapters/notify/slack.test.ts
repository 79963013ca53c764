import { expect, test } from 'vitest';
import { slackMessage } from '../../../../src/adapters/notify/slack.js';
import { failure, success } from '../../../fakes/notification.js';

test('a success names tags, images and commit, and links to the build', () => {
  expect(slackMessage(success)).toEqual({
    text: '*<https://buildbot.example.com/builds/b-20260102-1|[app] built 1.2, latest (1f0c5b9)>*',
    attachments: [
      {
        color: 'good',
        fallback: '[app] built 1.2, latest (1f0c5b9)',
        mrkdwn_in: ['text'],
        text: [
          'built and pushed 2 images in 31 s',
          '`registry.example.com:5000/team/app:1.2`',
          '`registry.example.com:5000/team/app:latest`',
          '1f0c5b9 on main by Ada Lovelace: Count &amp; compare &lt;T&gt;',
        ].join('\n'),
      },
    ],
  });
});

test('a failure is red and says what failed', () => {
  const { url: _, ...pageless } = failure;
  const { text, attachments } = slackMessage(pageless);
  expect(text).toBe('*[app] failed (1f0c5b9)*');
  expect(attachments[0]).toMatchObject({ color: 'danger', fallback: '[app] failed (1f0c5b9)' });
  expect(attachments[0]?.text).toMatch(/^test: npm test exited with 1\n/);
});

test('a commit can neither call the channel nor make a link of its own', () => {
  const message = slackMessage({
    ...success,
    project: '<!here>',
    summary: '<!channel> <https://evil.example|click>',
    revision: {
      ...success.revision,
      ref: '<!subteam^S1>',
      author: '<!everyone> <a@b>',
      message: '<@U1>\nsecond',
    },
  });
  const { text, attachments } = message;
  expect(text).toBe(
    '*<https://buildbot.example.com/builds/b-20260102-1|[&lt;!here&gt;] built 1.2, latest (1f0c5b9)>*',
  );
  expect(attachments[0]?.text).not.toMatch(/[<>]/);
  expect(attachments[0]?.text).toContain('&lt;!channel&gt; &lt;https://evil.example|click&gt;');
});
