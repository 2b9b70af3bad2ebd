// The other bot SDKs, each as published and without an app id, with a directlinejs client by WebSocket.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { serveFiles } from '../../lib/files.mjs';
import { stage } from '../../lib/stage.mjs';

const SDKS = {
  'py-botbuilder': 'botbuilder for Python',
  'js-agents': 'Microsoft 365 Agents SDK for JavaScript',
  'py-agents': 'Microsoft 365 Agents SDK for Python',
};

for (const [bot, title] of Object.entries(SDKS)) {
  describe(title, () => {
    const play = stage({ bot });
    const connect = () => play.client().connect({ withUser: true });

    test('hello', async () => {
      const client = await connect();
      await client.hear(`welcome ${client.user}`);
      const id = await client.say('hello 마루');
      await client.hear('echo: hello 마루');
      assert.equal((await client.echo(id)).text, 'hello 마루');
    });

    test('several answers come in order', async () => {
      const client = await connect();
      await client.say('many 5');
      await client.hear('answer 5 of 5');
      const expected = Array.from({ length: 5 }, (_, n) => `answer ${n + 1} of 5`);
      assert.deepEqual(client.heard.filter((text) => text.startsWith('answer')), expected);
    });

    test('an update and a delete', async () => {
      const client = await connect();
      await client.say('update');
      const before = await client.hear('before');
      const after = await client.hear('after');
      assert.equal(after.id, before.id);
      await client.say('delete');
      const said = await client.hear('to be deleted');
      await client.hear(({ type, id }) => type === 'messageDelete' && id === said.id);
    });

    test('typing, a card and an event', async () => {
      const client = await connect();
      await client.say('typing');
      await client.hear('done typing');
      assert.ok(client.activities.some(({ type, id }) => type === 'typing' && id));
      await client.say('card');
      const card = await client.hear('pick one');
      assert.deepEqual(card.suggestedActions.actions.map(({ value }) => value), ['tea', 'rice']);
      assert.equal(card.attachments[0].content.title, 'A hero');
      await client.send({ type: 'event', name: 'webchat/join' });
      await client.hear('event webchat/join');
    });

    test('a file', async (t) => {
      const served = await serveFiles([{ name: '마루.txt', contentType: 'text/plain', bytes: 'oak' }]);
      t.after(() => served.close());
      const client = await connect();
      await client.send({ text: 'a file', attachments: served.attachments });
      await client.hear('got 1 files: 마루.txt:3');
    });

    test('members, and a message of its own accord', async () => {
      const client = await connect();
      await client.say('members');
      const members = await client.hear(({ text = '' }) => text.startsWith('members: '));
      assert.ok(members.text.includes(client.user), members.text);
      await client.say('paged');
      const paged = await client.hear(({ text = '' }) => text.startsWith('paged: '));
      assert.ok(paged.text.includes(client.user), paged.text);
      await client.say('proactive');
      await client.hear('proactive hello');
    });

    test('a word to a user whom the bot knows', async () => {
      const client = await connect();
      await client.say('create');
      await client.hear('created hello');
      await client.hear(`created ${client.conversationId}`);
    });

    test('a turn that fails costs no more than its answer', async () => {
      const client = await connect();
      await client.say('throw');
      await client.say('still there?');
      await client.hear('echo: still there?');
    });
  });
}
