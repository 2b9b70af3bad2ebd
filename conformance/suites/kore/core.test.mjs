// The core of npm's kore-web-sdk in jsdom, as an application without the vendor's window uses it.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { KoreCore } from '../../lib/kore/sdk.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { until } from '../../lib/wait.mjs';
import { Wire } from '../../lib/wire.mjs';

const play = koreStage({ bot: 'js-botbuilder' });

/** A client that is connected. Without a user it is a new one. */
async function connect({ user = `user-${randomUUID().slice(0, 8)}`, ...options } = {}) {
  const client = play.guest(new KoreCore(play.app, { user, ...options }));
  client.user = user;
  return client.connect();
}

/** A client behind a line that can fail. */
async function wired() {
  const wire = play.guest(await Wire.to(new URL(play.maru.url).port));
  const client = await connect({ at: `http://127.0.0.1:${wire.port}` });
  await client.heard(`welcome ${client.user}`);
  return { wire, client };
}

describe('kore-web-sdk, its core', () => {
  test('it connects, is welcomed, and text goes both ways', async () => {
    const client = await connect();
    await client.heard(`welcome ${client.user}`);
    const id = client.say('안녕하세요 👋 <b>&amp;</b>');
    await client.heard('echo: 안녕하세요 👋 <b>&amp;</b>');
    await client.hear('the ack', ({ type, replyto }) => type === 'ack' && replyto === id);
    assert.deepEqual(client.errors, []);
  });

  test('several answers come in order, each under an id of its own', async () => {
    const client = await connect();
    client.say('many 20');
    await client.heard('answer 20 of 20');
    const expected = Array.from({ length: 20 }, (_, n) => `answer ${n + 1} of 20`);
    assert.deepEqual(
      client.said.filter((text) => text.startsWith('answer')),
      expected,
    );
    const ids = client.frames.filter(({ type }) => type === 'bot_response').map(({ messageId }) => messageId);
    assert.deepEqual(ids, [...new Set(ids)]);
  });

  test('history, as the SDK hands it on, page by page', async () => {
    const client = await connect();
    await client.heard(`welcome ${client.user}`);
    client.say('many 23');
    await client.heard('answer 23 of 23');
    // Whoever comes soon after joins the session, and pages back from the newest.
    const later = await connect({ user: client.user });
    for (let pages = 1; pages <= 3; pages += 1) {
      // As the window says it: page by page, not from the oldest message that it has.
      later.bot.previousHistoryLoading = pages > 1;
      later.bot.getHistory({ limit: 10 });
      await until(`page ${pages}`, () => later.histories.length === pages);
    }
    const pages = later.histories.map(({ messages }) => messages.map(({ message }) => message[0].cInfo.body));
    const answers = Array.from({ length: 23 }, (_, n) => `answer ${n + 1} of 23`);
    assert.deepEqual(pages.toReversed().flat(), [`welcome ${client.user}`, 'many 23', ...answers]);
    assert.deepEqual(
      later.histories.map(({ moreAvailable }) => moreAvailable),
      [true, true, false],
    );
    const [first] = later.histories[2].messages;
    assert.deepEqual([first.from, first.type], ['bot', 'bot_response']);
  });

  test('a line that breaks: the SDK comes back by itself, and nothing is missed or doubled', async () => {
    const { wire, client } = await wired();
    client.say('before');
    await client.heard('echo: before');
    wire.cut();
    // What is said while it is away, by the bot and by the user elsewhere.
    const elsewhere = await play.connect(await play.app.user(client.user), { query: '&ConnectionMode=Default' });
    await elsewhere.say('said elsewhere');
    await elsewhere.heard('echo: said elsewhere');
    wire.heal();
    await until('the SDK to be back', () => client.opened === 2);
    await client.heard('echo: said elsewhere');
    await client.hear(
      'what was said elsewhere',
      ({ type, message }) => type === 'user_message' && message.body === 'said elsewhere',
    );
    client.say('after');
    await client.heard('echo: after');
    assert.deepEqual(client.said, [`welcome ${client.user}`, 'echo: before', 'echo: said elsewhere', 'echo: after']);
  });

  test('it breaks again and again, in the middle of answers: each is shown, and in order', async () => {
    const { wire, client } = await wired();
    const elsewhere = await play.connect(await play.app.user(client.user), { query: '&ConnectionMode=Default' });
    for (let round = 1; round <= 2; round += 1) {
      const opened = client.opened;
      await elsewhere.say(`many 1${round}`);
      wire.cut();
      wire.heal();
      await until('the SDK to be back', () => client.opened === opened + 1);
    }
    await client.heard('answer 12 of 12');
    const shown = new Map(
      client.frames
        .filter(({ type }) => type === 'bot_response')
        .map((frame) => [frame.messageId, frame.message[0].cInfo.body]),
    );
    const expected = [11, 12].flatMap((count) =>
      Array.from({ length: count }, (_, n) => `answer ${n + 1} of ${count}`),
    );
    assert.deepEqual(
      [...shown.values()].filter((text) => text.startsWith('answer')),
      expected,
    );
  });

  test('two windows of one user: what is said in one is shown in the other, once', async () => {
    const one = await connect();
    await one.heard(`welcome ${one.user}`);
    const other = await connect({ user: one.user });
    one.say('hello');
    await other.hear('the message', ({ type, message }) => type === 'user_message' && message.body === 'hello');
    for (const client of [one, other]) await client.heard('echo: hello');
    assert.equal(one.frames.filter(({ type }) => type === 'user_message').length, 0);
  });

  test('an assertion that is none of ours is told to the application', async () => {
    const client = play.guest(
      new KoreCore(play.app, { jwt: () => play.app.assertion('x', {}, { key: randomBytes(32) }) }),
    );
    client.start();
    await until('the refusal', () => client.errors.length > 0);
    assert.match(String(client.errors[0]), /error verifying the jwt/);
    assert.equal(client.opened, 0);
  });
});
