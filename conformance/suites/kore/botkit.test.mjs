// A BotKit server behind Maru: each event that it is told, each call with which it comes back, and clients of two
// protocols in front of it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { Client } from '../../lib/client.mjs';
import { kindOfId, textOf } from '../../lib/kore/app.mjs';
import { mobileMultipart } from '../../lib/kore/http.mjs';
import { frameText, template } from '../../lib/kore/socket.mjs';
import { addBotKit, koreStage } from '../../lib/kore/stage.mjs';
import { until } from '../../lib/wait.mjs';

const play = koreStage({ bot: 'js-botbuilder' });

/** A BotKit server and an app in front of it, for the enclosing `describe`. */
function botkit(options = {}) {
  const there = {};
  before(async () => {
    const settings = typeof options.settings === 'function' ? options.settings() : options.settings;
    Object.assign(there, await addBotKit(play.maru, { ...options, settings }));
    there.app = await play.addApp({ bot: there.id });
  });
  after(() => there.stop?.());
  there.socket = async (user, query = '') => play.connect(user ?? (await there.app.user()), { query });
  there.told = async (event) => (await there.events()).told.filter((told) => told.event === event);
  return there;
}

describe('events and their answers', () => {
  const kit = botkit({ settings: () => ({ variables: { shop: 'Tea house', greeting: { en: 'Hello', ko: '안녕' } } }) });

  test('a user who connects, and one who says something', async () => {
    const user = await kit.app.user();
    const socket = await kit.socket(user);
    await socket.heard('botkit welcome');
    await socket.say('안녕하세요');
    await socket.heard('botkit: 안녕하세요');
    const told = (await kit.told('on_user_message')).find(({ body }) => body.message === '안녕하세요');
    assert.equal(told.botId, kit.credentials.BOT_ID);
    const { body } = told;
    assert.equal(body.channel.type, 'rtm');
    assert.match(body.channel.botLanguage, /^en/);
    assert.match(body.channel.from, /^u-/);
    assert.match(body.context.session.UserContext._id, kindOfId('u'));
    assert.equal(body.context.session.UserContext.identity, user.sub);
    for (const name of [
      'requestId',
      'baseUrl',
      'sendUserMessageUrl',
      'sendBotMessageUrl',
      'skipUserMessageUrl',
      'skipBotMessageUrl',
      'getBotVariableUrl',
      'clearConversationSessionUrl',
      'resetBotUrl',
      'sendFeedbackMessageUrl',
    ]) {
      assert.equal(typeof body[name], 'string', name);
      // BotKit finds its credentials by the seventh segment.
      if (name !== 'requestId') assert.equal(body[name].split('/')[6], kit.credentials.BOT_ID, name);
    }
    assert.equal(body.agent_transfer, false);
    assert.ok((await kit.told('on_event')).some(({ body: { event } }) => event.eventType === 'ON_CONNECT'));
  });

  test('a template, and a text that overrides the message', async () => {
    const socket = await kit.socket();
    await socket.say('card');
    const card = await socket.heard((frame) => template(frame)?.template_type === 'button');
    assert.deepEqual(
      template(card).buttons.map(({ title, payload }) => [title, payload]),
      [
        ['Tea', 'tea'],
        ['Rice', 'rice'],
      ],
    );
    await socket.say({ body: 'tea', renderMsg: 'Tea' });
    await socket.heard('botkit: tea');
    await socket.say('override something else');
    await socket.heard('something else');
    assert.ok(!socket.said.includes('this is not shown'));
  });

  test('an answer that comes late, by the same request id', async () => {
    const socket = await kit.socket();
    await socket.say('late 1500');
    await socket.say('meanwhile');
    await socket.heard('botkit: meanwhile');
    await socket.heard('late answer');
    await socket.say('extend');
    await socket.heard('extended');
  });

  test('the bot behind: without one, the configured text comes to on_bot_message', async () => {
    const socket = await kit.socket();
    await socket.say('ask anything');
    await socket.heard('backend said: There is nobody behind this bot who could answer that.');
  });

  test('messages newest first, variables in a language, feedback, and a session cleared and reset', async () => {
    const socket = await kit.socket();
    await socket.heard('botkit welcome');
    await socket.say('one');
    await socket.heard('botkit: one');
    await socket.say('history');
    await socket.heard('history: history < botkit: one < one');
    await socket.say('variables');
    const variables = frameText(await socket.heard((frame) => frameText(frame)?.startsWith('variables: ')));
    assert.ok(variables.includes('안녕'), `in the language that was asked for: ${variables}`);
    assert.ok(variables.includes('Tea house'), variables);
    for (const [said, heard] of [
      ['feedback 5', 'thank you'],
      ['clear', 'cleared'],
      ['reset', 'reset'],
      ['after it', 'botkit: after it'],
    ]) {
      await socket.say(said);
      await socket.heard(heard);
    }
  });

  test('a file reaches BotKit as an address that it can fetch', async () => {
    const user = await kit.app.user();
    const form = { field: 'file', filename: 'note.txt', bytes: Buffer.from('oak') };
    const sent = await kit.app.http.multipart('POST', '/api/1.1/attachment/file', {
      ...mobileMultipart({ fileExtension: 'txt', filename: 'note.txt' }, form),
      token: user.token,
    });
    const socket = await kit.socket(user);
    await socket.say({
      body: '',
      attachments: [{ fileId: sent.body.fileId, fileName: 'note.txt', fileType: 'attachment' }],
    });
    await socket.heard('got 1 files: note.txt:3');
  });

  test("who shows nothing, or something forged, is told so in the form of BotKit's errors", async () => {
    const socket = await kit.socket();
    await socket.say('forge');
    await socket.heard('forging done');
    assert.ok(!socket.said.includes('forged'));
    const forged = (await kit.events()).answers.find(({ status }) => status === 401);
    assert.equal(JSON.parse(forged.text).errors[0].code, 4002, forged.text);
    const [{ body }] = await kit.told('on_user_message');
    for (const headers of [{}, { auth: 'nonsense' }, { apikey: kit.credentials.APP_SECRET }]) {
      const answer = await fetch(body.sendUserMessageUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ ...body, message: 'forged' }),
      });
      assert.equal(answer.status, 401);
    }
  });

  test('agents of the other side are refused while they are not configured', async () => {
    const socket = await kit.socket();
    await socket.say('agent');
    await until('the refusal', async () =>
      (await kit.events()).answers.some(({ call, status }) => call === 'startAgentSession' && status >= 400),
    );
    assert.deepEqual(
      socket.of('events').filter(({ message }) => message.type === 'agent_connected'),
      [],
    );
  });
});

describe('a bot behind BotKit, agents of its own, and the old header', () => {
  const kit = botkit({
    name: 'bridge',
    authentication: 'apikey',
    settings: () => ({ backend: play.botId, agent_transfer: 'botkit' }),
  });

  test('sendBotMessage goes to the bot behind, and each answer to on_bot_message, in order', async () => {
    const socket = await kit.socket();
    await socket.say('ask hello');
    await socket.heard('backend said: echo: hello');
    await socket.say('ask many 3');
    const answers = [1, 2, 3].map((n) => `answer ${n} of 3`);
    for (const answer of answers) await socket.heard(`backend said: ${answer}`);
    const told = (await kit.told('on_bot_message')).map(({ body }) => body.message);
    assert.deepEqual(told.slice(-3), answers);
  });

  test('an agent comes, is told what the user says, and goes; clients are told of both', async () => {
    const user = await kit.app.user();
    const socket = await kit.socket(user);
    await socket.say('agent');
    await socket.heard('an agent is here');
    await socket.hear(
      'the agent to be announced',
      ({ type, message }) => type === 'events' && message.type === 'agent_connected',
    );
    await socket.say('hello?');
    await socket.heard('agent: hello?');
    const told = (await kit.told('on_user_message')).find(({ body }) => body.message === 'hello?');
    assert.equal(told.body.agent_transfer, true);
    await socket.say('bye agent');
    await socket.hear(
      'the agent to be gone',
      ({ type, message }) => type === 'events' && message.type === 'agent_disconnected',
    );
    await socket.say('anybody?');
    await socket.heard('botkit: anybody?');
  });
});

describe('a Direct Line client and a BotKit bot', () => {
  const kit = botkit({ name: 'direct' });

  test('text, a press on what was a template, and an invoke as a webhook node', async () => {
    const channel = await play.maru.cli('channel', 'add', '--kind', 'direct-line', '--bot', kit.id);
    const [secret] = channel.secrets;
    const client = play.guest(
      new Client({ domain: play.maru.directLine, secret, user: `user-${randomUUID().slice(0, 8)}` }),
    );
    await client.connect({ withUser: true });
    await client.hear('botkit welcome');
    await client.say('hello');
    await client.hear('botkit: hello');
    await client.say('card');
    const card = await client.hear(({ attachments, suggestedActions }) => attachments?.length > 0 || suggestedActions);
    const buttons = card.attachments?.[0]?.content?.buttons ?? card.suggestedActions.actions;
    assert.deepEqual(
      buttons.map(({ title }) => title),
      ['Tea', 'Rice'],
    );
    const press = buttons[0];
    assert.equal(press.text ?? press.value, 'tea');
    await client.say(press.text ?? press.value);
    await client.hear('botkit: tea');
    await client.send({ type: 'invoke', name: 'sum', value: [1, 2] });
    await until('the node to be told', async () =>
      (await kit.told('on_webhook')).some(({ componentId }) => componentId === 'sum'),
    );
  });
});

test('a BotKit server that is away: what was said is delivered when it is back', async () => {
  const kit = await addBotKit(play.maru, { name: 'away', settings: { url: 'http://127.0.0.1:9' } });
  try {
    const app = await play.addApp({ bot: kit.id });
    const user = await app.user();
    const socket = await play.connect(user);
    await socket.say('are you there?');
    assert.deepEqual(
      socket.said.filter((text) => text.startsWith('botkit')),
      [],
    );
    await play.maru.cli('bot', 'set', kit.id, `url=${kit.url}`);
    await socket.heard('botkit: are you there?');
    assert.ok((await user.log()).map(textOf).includes('are you there?'));
  } finally {
    await kit.stop();
  }
});
