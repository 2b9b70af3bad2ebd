// One conversation, two protocols: a Kore client and bots that know nothing of Kore.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { textOf } from '../../lib/kore/app.mjs';
import { frameText, template } from '../../lib/kore/socket.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { until } from '../../lib/wait.mjs';

describe('a Kore client and a botbuilder bot', () => {
  const play = koreStage({ bot: 'js-botbuilder' });

  async function connect() {
    const user = await play.app.user();
    const socket = await play.connect(user);
    await socket.heard(`welcome ${user.sub}`);
    return { user, socket };
  }

  test('a card and suggested actions are templates, and a press is what the bot would get elsewhere', async () => {
    const { socket } = await connect();
    await socket.say('card');
    const templates = () => socket.answers.map(template).filter(Boolean);
    await until(
      'both',
      () => {
        const text = JSON.stringify(templates());
        return text.includes('"bow"') && text.includes('"tea"') && text.includes('"rice"');
      },
      { shown: () => socket.texts },
    );
    for (const frame of socket.answers.filter(template)) {
      assert.equal(frame.message.length, 1);
      assert.equal(typeof frame.message[0].cInfo.body, 'string');
    }
    const shown = JSON.stringify(socket.answers);
    for (const words of ['pick one', 'A hero', 'of few words']) assert.ok(shown.includes(words), words);
    await socket.say({ body: 'tea', renderMsg: 'Tea' });
    await socket.heard('echo: tea');
  });

  test('a change of a message is said again, and what was deleted is not in the history', async () => {
    const { user, socket } = await connect();
    await socket.say('update');
    await socket.heard('after');
    await socket.say('delete');
    await socket.heard('to be deleted');
    await until(
      'it to be gone',
      async () => {
        const log = (await user.log()).map(textOf);
        return log.includes('after') && !log.includes('before') && !log.includes('to be deleted');
      },
      { shown: () => socket.said },
    );
  });

  test('members, a word of its own accord, a failing turn', async () => {
    const { user, socket } = await connect();
    await socket.say('members');
    const members = await socket.heard((frame) => frameText(frame)?.startsWith('members: '));
    assert.ok(frameText(members).includes(user.sub));
    await socket.say('proactive');
    await socket.heard('proactive hello');
    await socket.say('throw');
    await socket.say('still there?');
    await socket.heard('echo: still there?');
  });

  test('typing is shown while the bot writes', async () => {
    const { socket } = await connect();
    await socket.say('typing');
    await socket.heard('done typing');
    const kinds = socket.frames.map(({ type, message }) => (type === 'events' ? message.type : type));
    assert.ok(kinds.includes('typing'), kinds.join());
  });
});

describe('what a bot is handed', () => {
  const play = koreStage({ bot: Recorder.start });

  /** The message with this text, as the bot got it. */
  const handed = (text) =>
    until(`the bot to be handed ${text}`, () => {
      return play.bot.requests.find(({ activity }) => activity.type === 'message' && activity.text === text)?.activity;
    });

  test('who says it, how, and all that the client adds', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    const customData = { plan: 'gold', nested: [1, { deep: true }] };
    const metaTags = { messageLevelTags: [{ name: 'page', value: 'tea' }] };
    const location = { city: 'Seoul', country: 'KR', latitude: 37.5, longitude: 127, street: '' };
    await socket.say(
      { body: 'with data', customData, metaTags },
      {
        meta: { timezone: 'Asia/Seoul', locale: 'ko-KR', location },
      },
    );
    const activity = await handed('with data');
    assert.deepEqual([activity.from.id, activity.from.role], [user.sub, 'user']);
    assert.equal(activity.channelId, 'kore');
    assert.deepEqual([activity.locale, activity.localTimezone], ['ko-KR', 'Asia/Seoul']);
    assert.deepEqual(activity.channelData, { customData, metaTags, location });
  });

  test('a press: the payload as text, and as a value where it is an object', async () => {
    const socket = await play.connect(await play.app.user());
    await socket.say({ body: 'tea', renderMsg: 'Tea' });
    assert.equal((await handed('tea')).value, undefined);
    await socket.say({ body: '{"order":1}', renderMsg: 'Order' });
    assert.deepEqual((await handed('{"order":1}')).value, { order: 1 });
    // What only looks like a press is said by a person.
    await socket.say('{"typed":1}');
    assert.equal((await handed('{"typed":1}')).value, undefined);
  });

  test('one who connects, an event, and the end of a session', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    const mine = (accepts) =>
      until(
        `the bot to be handed ${accepts}`,
        () => {
          return play.bot.requests.find(({ activity }) => activity.from.id === user.sub && accepts(activity));
        },
        { shown: () => play.bot.requests.map(({ activity }) => activity) },
      );
    await mine(
      ({ type, membersAdded }) => type === 'conversationUpdate' && membersAdded.some(({ id }) => id === user.sub),
    );
    const botInfo = play.app.botInfo();
    socket.send({ resourceid: '/bot.clientEvent', message: { body: 'ZENDESK_READY' }, botInfo, id: 1 });
    await mine(({ type, name }) => type === 'event' && name === 'ZENDESK_READY');
    socket.send({ resourceid: '/bot.closeConversationSession', botInfo, id: 2 });
    await mine(({ type }) => type === 'endOfConversation');
  });
});

describe('a Kore client and the echo bot', () => {
  const play = koreStage();

  test('a menu is quick replies, and a press on one is said', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    await socket.heard('Hello! Say anything and I will say it back.');
    await socket.say('menu');
    const menu = await socket.heard((frame) => template(frame));
    const shown = template(menu);
    const replies = shown.quick_replies ?? shown.buttons;
    assert.equal(shown.text, 'What would you like to say?');
    assert.deepEqual(
      replies.map(({ title }) => title),
      ['Hello', 'What can you do?', 'Goodbye'],
    );
    await socket.say({ body: replies[0].payload, renderMsg: replies[0].title });
    await socket.heard('Echo: Hello');
    await socket.say('  spaces kept, markup not <b>made</b>  ');
    await socket.heard((frame) => frameText(frame).includes('spaces kept, markup not <b>made</b>'));
  });
});
