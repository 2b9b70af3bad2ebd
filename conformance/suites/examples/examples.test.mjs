// The repository's examples, as they stand. The page of examples/web-chat is played by the suite direct-line.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startExample } from '../../lib/bots.mjs';
import { serveFiles } from '../../lib/files.mjs';
import { registerBot } from '../../lib/maru.mjs';
import { stage } from '../../lib/stage.mjs';

for (const [folder, script] of [['echo-bot-js', 'bot.mjs'], ['echo-bot-python', 'bot.py']]) {
  describe(`examples/${folder}`, () => {
    const play = stage();
    let bot;
    let secret;
    before(async () => {
      bot = await startExample(folder, script);
      [secret] = (await registerBot(play.maru, { name: 'example', endpoint: bot.endpoint })).secrets;
    });
    after(() => bot?.stop());

    test('it greets, echoes, and sends files back', async (t) => {
      const client = await play.client({ secret }).connect({ withUser: true });
      await client.hear('Welcome! Say something.');
      await client.say('마루');
      await client.hear('You said: 마루');

      const served = await serveFiles([{ name: 'tree.txt', contentType: 'text/plain', bytes: 'oak' }]);
      t.after(() => served.close());
      await client.send({ attachments: served.attachments });
      const back = await client.hear('You sent:');
      assert.equal(back.attachments[0].name, 'tree.txt');
      assert.equal(await (await fetch(back.attachments[0].contentUrl)).text(), 'oak');
    });
  });
}

describe('the bot of a fresh realm', () => {
  const play = stage();

  test('it echoes', async () => {
    const client = await play.client().connect({ withUser: true });
    await client.say('anybody home?');
    await client.hear(({ type, text = '' }) => type === 'message' && text.includes('anybody home?'));
  });
});
