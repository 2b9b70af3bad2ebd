// A channel with `acknowledge=delivered` answers a post as the cloud does: when the bot has taken it, or has not.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

describe('acknowledge=delivered', () => {
  const play = stage({ bot: 'js-botbuilder', settings: { acknowledge: 'delivered' } });
  const user = { id: 'user-1' };
  let id;
  before(async () => {
    id = (await play.rest.start({ user })).body.conversationId;
  });
  const post = (text) => play.rest.post(id, { type: 'message', from: user, text });
  const said = async (text) => (await play.rest.history(id)).some((activity) => activity.text === text);

  test('a post is answered once the bot is done', async () => {
    const posted = await post('slow 500');
    assert.equal(posted.status, 200, posted.text);
    assert.ok(await said('slow done'), 'it was answered before the bot was done');
  });

  test('a bot that fails is 502, and the post is in the log all the same', async () => {
    const posted = await post('throw');
    assert.equal(posted.status, 502, posted.text);
    assert.equal(posted.body.error.code, 'BotError');
    assert.ok(await said('throw'));
  });

  test('a bot that does not answer in time is 504, and what it says later is taken', async () => {
    const posted = await post('slow 17000');
    assert.equal(posted.status, 504, posted.text);
    assert.equal(posted.body.error.code, 'BotError');
    await until('the late answer', async () => {
      const log = await play.rest.history(id);
      return log.findLastIndex(({ text }) => text === 'slow done') > log.findIndex(({ text }) => text === 'slow 17000');
    });
  });

  test('a bot that is gone is 502', async () => {
    await play.bot.kill();
    const posted = await post('anybody there?');
    assert.equal(posted.status, 502, posted.text);
    assert.equal(posted.body.error.code, 'BotError');
  });
});
