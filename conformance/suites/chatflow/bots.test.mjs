// A scenario as a bot: the same coffee on Direct Line, on Kore, and as a skill of KakaoTalk, each with its own buttons.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { COFFEE, addApp } from '../../lib/chatflow/app.mjs';
import { addDoor, labels } from '../../lib/kakao/doors.mjs';
import { addKoreApp } from '../../lib/kore/app.mjs';
import { Http } from '../../lib/kore/http.mjs';
import { KoreWindow } from '../../lib/kore/sdk.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const GREETING = 'Hello guest, this is Maru Coffee. What can I do for you?';

/** How an order begins on a skill: what is said, and how the answer ends. */
const ORDER = [
  ['Order', 'What would you like?'],
  ['yuja', 'Please choose something on the menu.'],
  ['yuja tea', 'How many cups?'],
];

describe('a scenario as a bot', () => {
  const play = stage();
  let app;
  let bot;
  before(async () => {
    app = await addApp(play.maru, { file: COFFEE.en });
    bot = await play.maru.cli('bot', 'add', 'barista', '--kind', 'chatflow', '--set', 'app=coffee');
  });

  test('on Direct Line, with a consent, a handoff, and the end of the session', async () => {
    const channel = await play.maru.cli('channel', 'add', '--kind', 'direct-line', '--bot', bot.id);
    const client = await play.client({ secret: channel.secrets[0] }).connect({ withUser: true });
    assert.deepEqual(labels(await client.hear(GREETING)), ['Order', 'Hours', 'Talk to us']);
    for (const [said, answer] of [
      ['an iced americano please', 'Americano: hot or iced?'],
      ['ice', 'How many cups?'],
      ['2 cups', 'What name shall we call?'],
      ['Ara', 'Ara, shall we text you when it is ready?'],
      ['Yes, please', (activity) => labels(activity).includes('I agree')],
      ['I agree', 'Which number shall we text?'],
      ['010-1234-5678', '2 × Americano (iced), 4,000 won each. Is that right?'],
      ['ok', ({ text = '' }) => text.startsWith('Thank you, Ara.')],
    ]) {
      await client.say(said);
      await client.hear(answer);
    }
    await client.hear(({ type, code }) => type === 'endOfConversation' && code === 'completedSuccessfully');
    // The desk takes them over. Nobody is signed in there, so they come back, and the scenario goes on.
    await play.maru.cli('desk', 'set', 'queue_secs=1');
    await client.say('Talk to us');
    const handed = await client.hear(({ type, name }) => type === 'event' && name === 'handoff.initiate');
    assert.equal(handed.value.app, 'coffee');
    await client.hear('Nobody is there at the moment.');
    await client.hear('Hello Ara, this is Maru Coffee. What can I do for you?');
  });

  test('in the window of kore-web-sdk, by its buttons', async () => {
    const koreApp = await addKoreApp(play.maru, { bot: bot.id, settings: { development_issuer: true } });
    const shown = play.guest(await KoreWindow.open(koreApp, { user: 'bom' }));
    await shown.press('Order');
    await shown.press('Latte');
    await shown.press('Iced');
    await shown.press('2 cups');
    shown.type('Bom');
    await shown.press('No, I will wait');
    await shown.press('Place order');
    const said = () => shown.texts.some((text) => text.startsWith('Thank you, Bom.'));
    await until('the order to be taken', said, { shown: () => shown.texts });
  });

  test('as a skill of KakaoTalk', async () => {
    const door = await addDoor(play.maru, 'kakao-skill', bot.id);
    const say = async (utterance, user = 'a1b2c3') => {
      const { status, body } = await new Http(play.maru.url).call('POST', door.path, {
        headers: { 'x-maru-secret': door.secret },
        body: {
          intent: { id: '5c9bd2b6', name: 'fallback' },
          userRequest: {
            timezone: 'Asia/Seoul',
            utterance,
            lang: null,
            params: { surface: 'Kakaotalk.plusfriend', ignoreMe: 'true' },
            block: { id: '5c9bd2b6', name: 'fallback' },
            user: { id: user, type: 'botUserKey', properties: { plusfriendUserKey: 'Czs7H_QxuB00' } },
          },
          bot: { id: '5c9bd2b6', name: 'coffee' },
          action: { id: '5c9bd2b7', name: 'maru', params: {}, detailParams: {}, clientExtra: null },
          contexts: [],
        },
      });
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.version, '2.0');
      const { outputs, quickReplies = [] } = body.template;
      const texts = outputs.map((output) => output.simpleText?.text ?? output.textCard?.description ?? '');
      return { text: texts.join('\n'), replies: quickReplies.map(({ label }) => label), body };
    };
    const hello = await say('hello');
    assert.ok(hello.text.includes(GREETING), hello.text);
    assert.deepEqual(hello.replies, ['Order', 'Hours', 'Talk to us']);
    for (const [said, answer] of ORDER) {
      const { text } = await say(said);
      assert.ok(text.endsWith(answer), `${said}: ${text}`);
    }
    const other = await say('Hours', 'd4e5f6');
    assert.match(JSON.stringify(other.body), /maru-coffee\.example\/map/);
  });
});
