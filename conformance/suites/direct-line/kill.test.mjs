// SIGKILL, and a start on the same data and port: what clients sent is there, once, in order.
//
// The bot's answers are counted only after every one has come: a delivery that was under way when the process died is
// repeated, so an answer may come twice, and that is promised. What the user sent may not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { stage } from '../../lib/stage.mjs';
import { sleep, until } from '../../lib/wait.mjs';

/** How long the bot's last answer may take to come: a repeated delivery waits for its turn. */
const SETTLEMENT_MS = 90_000;

const place = ({ id }) => Number(id.slice(id.indexOf('|') + 1));

/** Waits until the log holds each of `texts` from the bot, and gives the log. */
async function settled(play, conversation, texts) {
  return until(
    'every answer',
    async () => {
      const log = await play.rest.history(conversation);
      return texts.every((text) => log.some((activity) => activity.text === text)) && log;
    },
    { timeoutMs: SETTLEMENT_MS, everyMs: 200 },
  );
}

function assertLog(log, user, sent, answers) {
  assert.deepEqual(log.filter(({ from }) => from.id === user).map(({ text }) => text), sent);
  const answered = log.filter(({ from }) => from.id !== user).map(({ text }) => text);
  assert.deepEqual([...new Set(answered)], answers, 'the bot answered in another order');
  assert.deepEqual(log.map(place), log.map((_, index) => index), 'places are not dense');
  const times = log.map(({ timestamp }) => timestamp);
  assert.deepEqual(times, times.toSorted(), 'time ran backwards');
}

for (const webSocket of [true, false]) {
  describe(`SIGKILL, directlinejs by ${webSocket ? 'WebSocket' : 'polling'}`, () => {
    const play = stage({ bot: 'js-botbuilder' });

    /** A polling client ends at its first failed poll; its application makes another from where it was. */
    async function resume(client) {
      if (webSocket) return client;
      const { conversationId, watermark } = client.line;
      client.close();
      const next = await play.client({ webSocket, user: client.user, conversationId, watermark }).connect();
      next.activities.unshift(...client.activities);
      return next;
    }

    test('between two messages, in the middle of a post, and in the middle of a turn', async () => {
      let client = await play.client({ webSocket }).connect({ withUser: true });
      const { conversationId } = client;
      await client.hear(`welcome ${client.user}`);

      // Sent one after the other, whatever happens meanwhile.
      const sent = Array.from({ length: 12 }, (_, n) => `message ${n + 1}`);
      for (const [index, text] of sent.entries()) {
        if (index === 3) {
          // Between two messages.
          await play.maru.kill();
          await play.maru.up();
          client = await resume(client);
        }
        const posting = client.say(text);
        if (index === 6) {
          // While a post is under way: nobody can know whether it was taken.
          await play.maru.kill();
          await play.maru.up();
          await posting;
          client = await resume(client);
        }
        await posting;
        if (index === 9) {
          // Right after the acknowledgement, most likely with the bot at work.
          await play.maru.kill();
          await sleep(500);
          await play.maru.up();
          client = await resume(client);
        }
      }

      const answers = sent.map((text) => `echo: ${text}`);
      await settled(play, conversationId, answers);

      // What the client was shown is the log: each activity once, in order, none missing. An answer's double may still
      // come while this looks, so both are looked at together.
      const shown = () => client.activities.map(({ id, text }) => `${id} ${text}`);
      let log;
      await until(
        'the client to have caught up',
        async () => {
          log = await play.rest.history(conversationId);
          return client.activities.at(-1)?.id === log.at(-1).id;
        },
        { timeoutMs: SETTLEMENT_MS, everyMs: 200, shown },
      );
      assert.deepEqual(shown(), log.map(({ id, text }) => `${id} ${text}`));
      assertLog(log, client.user, sent, [`welcome ${client.user}`, ...answers]);
    });

    test('a turn that the kill interrupted is finished afterwards', async () => {
      const client = await play.client({ webSocket }).connect({ withUser: true });
      await client.say('slow 1500');
      await play.maru.kill();
      // The bot finishes meanwhile, and finds nobody to answer to.
      await sleep(2_000);
      await play.maru.up();
      const log = await settled(play, client.conversationId, ['slow done']);
      assert.deepEqual(log.filter(({ from }) => from.id === client.user).map(({ text }) => text), ['slow 1500']);
    });

    test('a graceful stop loses nothing either', async () => {
      const client = await play.client({ webSocket }).connect({ withUser: true });
      await client.say('one');
      const end = await play.maru.stop();
      assert.equal(end.code, 0);
      await play.maru.up();
      await client.say('two');
      const log = await settled(play, client.conversationId, ['echo: one', 'echo: two']);
      assert.deepEqual(log.filter(({ from }) => from.id === client.user).map(({ text }) => text), ['one', 'two']);
    });
  });
}
