// botframework-directlinejs, by polling and by WebSocket, with a botbuilder bot for JavaScript behind Maru.
// Played to one Maru and to several.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { hastenedScheduler } from '../lib/client.mjs';
import { serveFiles } from '../lib/files.mjs';
import { stage } from '../lib/stage.mjs';
import { until } from '../lib/wait.mjs';

/** The `user` that a token is bound to: the client reads it from there, too. */
const boundUser = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).user;

const byId = (one, other) => one.id.localeCompare(other.id);

/** Every activity came once. What was changed since comes again under its id, so only first comings are counted. */
function assertNothingTwice(client) {
  const first = client.activities.filter(({ type }) => type === 'message').map(({ id }) => id);
  assert.deepEqual(first, [...new Set(first)], 'an activity came twice');
}

/**
 * The whole play.
 *
 * @param {{ webSocket: boolean, where?: string, server?: object }} options `webSocket`, or else by polling; `where` stands
 *   in the tests' names; the rest goes to `stage`
 */
export function playDirectlinejs({ webSocket, where = '', ...options }) {
  describe(`directlinejs by ${webSocket ? 'WebSocket' : 'polling'}, botbuilder for JavaScript${where}`, () => {
    const play = stage({ bot: 'js-botbuilder', ...options });
    const connect = (options) => play.client({ webSocket, ...options }).connect({ withUser: true });

    test('a user who is known at the start is welcomed', async () => {
      const client = await connect();
      await client.hear(`welcome ${client.user}`);
    });

    test('text goes both ways, the question before the answer and under the id that the post gave', async () => {
      const client = await connect();
      const id = await client.say('안녕하세요 👋 <b>&amp;</b>');
      const answer = await client.hear('echo: 안녕하세요 👋 <b>&amp;</b>');
      const question = await client.echo(id);
      assert.equal(question.text, '안녕하세요 👋 <b>&amp;</b>');
      assert.equal(question.from.id, client.user);
      assert.equal(question.conversation.id, client.conversationId);
      assert.ok(client.activities.indexOf(question) < client.activities.indexOf(answer));
      assert.ok(Date.parse(question.timestamp) <= Date.parse(answer.timestamp));
      assert.equal(answer.from.role, 'bot');
    });

    test('several answers come in order', async () => {
      const client = await connect();
      await client.say('many 20');
      await client.hear('answer 20 of 20');
      const expected = Array.from({ length: 20 }, (_, n) => `answer ${n + 1} of 20`);
      // The client hands two sets that come close together on interleaved; the ids tell the order.
      const answers = client.activities.filter(({ text }) => text?.startsWith('answer'));
      assert.deepEqual(answers.toSorted(byId).map(({ text }) => text), expected);
      assertNothingTwice(client);
    });

    test(webSocket ? 'typing is shown' : 'typing is not polled, and what follows it is', async () => {
      const client = await connect();
      await client.say('typing');
      const done = await client.hear('done typing');
      const typing = client.activities.find(({ type }) => type === 'typing');
      assert.equal(Boolean(typing), webSocket);
      if (typing) {
        assert.ok(typing.id, 'a typing activity has an id');
        assert.ok(client.activities.indexOf(typing) < client.activities.indexOf(done));
      }
    });

    test('two files of one name and a text are one message', async (t) => {
      const contents = ['the first', 'and the second'];
      const files = contents.map((bytes) => ({ name: 'note.txt', contentType: 'text/plain', bytes }));
      const served = await serveFiles(files);
      t.after(() => served.close());

      const client = await connect();
      const id = await client.send({ text: 'two notes', attachments: served.attachments });
      const message = await client.echo(id);
      assert.equal(message.text, 'two notes');
      const shown = message.attachments.toSorted((a, b) => b.name.localeCompare(a.name));
      assert.deepEqual(shown.map(({ name }) => name), ['note.txt', 'note (1).txt']);
      assert.ok(shown.every(({ contentType }) => contentType.startsWith('text/plain')));
      const fetched = await Promise.all(shown.map(async ({ contentUrl }) => (await fetch(contentUrl)).text()));
      assert.deepEqual(fetched, contents);
      await client.hear('got 2 files: note (1).txt:14, note.txt:9');
    });

    test('suggested actions and a card arrive as the bot sent them', async () => {
      const client = await connect();
      await client.say('card');
      const message = await client.hear('pick one');
      assert.deepEqual(message.suggestedActions.to, [client.user]);
      assert.deepEqual(message.suggestedActions.actions.map(({ title }) => title), ['Tea', 'Rice']);
      assert.equal(message.attachments[0].contentType, 'application/vnd.microsoft.card.hero');
      assert.equal(message.attachments[0].content.buttons[0].value, 'bow');
    });

    test('the bot speaks up by itself', async () => {
      const client = await connect();
      await client.say('proactive');
      await client.hear('proactive hello');
    });

    test('the bot reaches a user whom it knows, in the conversation where that user is', async () => {
      const client = await connect();
      await client.say('create');
      await client.hear('created hello');
      await client.hear(`created ${client.conversationId}`);
    });

    test('a message that the bot changes is shown again under its id', async () => {
      const client = await connect();
      await client.say('update');
      const after = await client.hear('after');
      if (webSocket) {
        const before = await client.hear('before');
        assert.equal(before.id, after.id);
      }
      const kept = (await play.rest.history(client.conversationId)).filter(({ id }) => id === after.id);
      assert.equal(kept.at(-1).text, 'after');
    });

    test('a message that the bot deletes is gone', async () => {
      const client = await connect();
      await client.say('delete');
      if (webSocket) {
        const said = await client.hear('to be deleted');
        await client.hear(({ type, id }) => type === 'messageDelete' && id === said.id);
      } else {
        await client.hear(({ type }) => type === 'messageDelete');
      }
      assert.ok(!client.heard.includes('to be deleted'));
      const kept = await play.rest.history(client.conversationId);
      assert.ok(!kept.some(({ text }) => text === 'to be deleted'), 'a later reader still sees it');
    });

    test('the bot is told who is there', async () => {
      const client = await connect();
      await client.say('members');
      const { text } = await client.hear(({ text = '' }) => text.startsWith('members: '));
      assert.ok(text.includes(client.user), text);
      await client.say('paged');
      const paged = await client.hear(({ text = '' }) => text.startsWith('paged: '));
      assert.ok(paged.text.includes(client.user), paged.text);
    });

    test('an event reaches the bot', async () => {
      const client = await connect();
      await client.send({ type: 'event', name: 'webchat/join', value: { language: 'ko' } });
      await client.hear('event webchat/join');
    });

    test('a bot that fails costs one answer, not the conversation', async () => {
      const client = await connect();
      await client.say('throw');
      await client.say('still there?');
      await client.hear('echo: still there?');
    });

    test('a client that was away resumes by its watermark and misses nothing', async () => {
      const first = await connect();
      await first.say('one');
      await first.hear('echo: one');
      const { conversationId } = first;
      const away = () => play.rest.post(conversationId, { type: 'message', from: first.from, text: 'two' });

      let client = first;
      if (webSocket) {
        assert.equal(first.sockets.cut(), 1);
        assert.equal((await away()).status, 200);
        await until('the client to connect again', () => first.sockets.count === 1);
      } else {
        const { watermark } = first.line;
        first.close();
        assert.equal((await away()).status, 200);
        client = await play.client({ webSocket, user: first.user, conversationId, watermark }).connect();
      }
      await client.hear('echo: two');
      await client.say('three');
      await client.hear('echo: three');

      const heard = webSocket ? client.heard : [...first.heard, ...client.heard];
      assert.deepEqual(heard, [`welcome ${first.user}`, 'echo: one', 'echo: two', 'echo: three']);
      assertNothingTwice(client);
    });

    test('a client without a watermark is shown the whole conversation', async () => {
      const first = await connect();
      await first.hear(`welcome ${first.user}`);
      await first.say('one');
      await first.hear('echo: one');
      await first.say('two');
      await first.hear('echo: two');
      first.close();
      const second = await play.client({ webSocket, user: first.user, conversationId: first.conversationId }).connect();
      await second.hear('echo: two');
      assert.deepEqual(second.activities.map(({ text }) => text), [
        `welcome ${first.user}`, 'one', 'echo: one', 'two', 'echo: two',
      ]);
    });

    test('a token binds its conversation and its user, and the client refreshes it', async () => {
      const { body: given } = await play.rest.generate({ user: { id: 'dl_sori', name: 'Sori' } });
      const scheduler = hastenedScheduler(2_000);
      const client = await play.client({ webSocket, token: given.token, user: 'somebody-else', scheduler }).connect();
      assert.equal(client.conversationId, given.conversationId);
      await client.hear('welcome dl_sori');

      const started = client.line.token;
      assert.equal(boundUser(started), 'dl_sori');
      const mine = await client.echo(await client.say('who am I?'));
      assert.equal(mine.from.id, 'dl_sori');
      await client.hear('echo: who am I?');

      await until('the client to refresh its token', () => client.line.token !== started);
      assert.equal(boundUser(client.line.token), 'dl_sori');
      await client.say('and now?');
      await client.hear('echo: and now?');
    });

    test('the client is given a session id', async () => {
      const client = await connect();
      const session = await new Promise((resolve, reject) => client.line.getSessionId().subscribe(resolve, reject));
      assert.ok(session.length > 0);
    });
  });
}
