// SIGKILL, and a start on the same data and port: what clients were told is on record is there, once, in order, and the
// real SDK goes on by itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { textOf } from '../../lib/kore/app.mjs';
import { KoreCore } from '../../lib/kore/sdk.mjs';
import { RtmSocket } from '../../lib/kore/socket.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { sleep, until } from '../../lib/wait.mjs';

/** How long the bot's last answer may take to come: a repeated delivery waits for its turn. */
const SETTLEMENT_MS = 60_000;

const play = koreStage({ bot: 'js-botbuilder' });

describe('SIGKILL under the web SDK', () => {
  test('between messages, in the middle of one, and in the middle of a turn', async () => {
    const client = play.guest(new KoreCore(play.app, { user: 'ara' }));
    await client.connect();
    await client.heard('welcome ara');
    const sent = Array.from({ length: 9 }, (_, n) => `message ${n + 1}`);
    for (const [index, text] of sent.entries()) {
      const cut = [3, 5, 7].includes(index);
      const opened = client.opened;
      const id = client.say(text);
      if (cut) {
        await play.maru.kill();
        if (index === 7) await sleep(500);
        await play.maru.up();
        await until('the SDK to be back', () => client.opened > opened, { timeoutMs: 30_000 });
      }
      const acked = () => client.frames.some(({ type, replyto }) => type === 'ack' && replyto === id);
      // Nobody knows whether it was taken: it is sent again under the id that it had, as the SDK's window does.
      while (!acked()) {
        client.bot.sendMessage({ clientMessageId: id, message: { body: text } });
        await until('the ack', acked, { timeoutMs: 2_000 }).catch(() => {});
      }
    }
    const log = await until(
      'every answer',
      async () => {
        const texts = (await (await play.app.user('ara')).log()).map(textOf);
        return sent.every((text) => texts.includes(`echo: ${text}`)) && texts;
      },
      { timeoutMs: SETTLEMENT_MS, everyMs: 200 },
    );
    assert.deepEqual(
      log.filter((text) => text.startsWith('message')),
      sent,
      'what was sent is there once, in order',
    );
    const answers = [...new Set(log.filter((text) => text.startsWith('echo')))];
    assert.deepEqual(
      answers,
      sent.map((text) => `echo: ${text}`),
    );
    // What the client was shown is what is on record, in that order.
    const shown = () => [
      ...new Map(
        client.frames
          .filter(({ type }) => type === 'bot_response')
          .map((frame) => [frame.messageId, frame.message[0].cInfo.body]),
      ).values(),
    ];
    await until('the client to have caught up', () => answers.every((text) => shown().includes(text)), { shown });
    assert.deepEqual(
      shown(),
      log.filter((text) => !text.startsWith('message')),
    );
  });

  test('a sid does not outlive its use by a restart, and an unused one survives it', async () => {
    const user = await play.app.user();
    const [used, unused] = [await user.socketUrl(), await user.socketUrl()];
    (await RtmSocket.open(used)).close();
    await play.maru.kill();
    await play.maru.up();
    await assert.rejects(RtmSocket.open(used), { status: 403 });
    play.guest(await RtmSocket.open(unused));
  });
});
