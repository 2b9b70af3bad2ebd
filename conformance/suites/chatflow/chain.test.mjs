// The chain: a client, Maru as the platform, a partner server that asks ChatFlow what to say, Maru's ChatFlow, and back. The
// client knows nothing of Plus Friend or ChatFlow, the partner nothing of Direct Line or Kore.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { addApp } from '../../lib/chatflow/app.mjs';
import { PARTNERS, startTests } from '../../lib/chatflow/partners.mjs';
import { png, serveFiles } from '../../lib/files.mjs';
import { addPartner, labels, reportsOf } from '../../lib/kakao/doors.mjs';
import { addKoreApp } from '../../lib/kore/app.mjs';
import { KoreCore } from '../../lib/kore/sdk.mjs';
import { frameText, template } from '../../lib/kore/socket.mjs';
import { stage } from '../../lib/stage.mjs';

const CHOICES = ['주문하기', '영업시간', '상담원 연결'];
const GREETING = '안녕하세요, 손님! 마루 커피입니다. 무엇을 도와드릴까요?';
const MENU = ['아메리카노', '카페라떼', '바닐라라떼', '유자차'];

/** What a user says to order, and what each of it is answered with: a text, or how it begins. */
const ORDER = [
  ['주문하기', '어떤 음료로 드릴까요?', MENU],
  ['라떼', '카페라떼, 따뜻하게 드릴까요, 차갑게 드릴까요?', ['따뜻하게', '차갑게']],
  ['미지근하게', '따뜻하게와 차갑게 중에서 골라 주세요.', ['따뜻하게', '차갑게']],
  ['2', '몇 잔 드릴까요?', ['1잔', '2잔', '3잔']],
  ['두 잔이요?', '1잔부터 20잔까지 숫자로 말씀해 주세요.', ['1잔', '2잔', '3잔']],
  ['2잔', '어떤 이름으로 불러 드릴까요?', []],
  ['<b>아라</b>', '<b>아라</b> 님, 준비되면 문자로 알려 드릴까요?', ['네, 알려 주세요', '아니요, 기다릴게요']],
  ['아니요, 기다릴게요', '카페라떼(차갑게) 2잔, 한 잔에 4,800원입니다. 이대로 주문할까요?', ['주문', '다시 고르기']],
  ['주문', '주문되었습니다. <b>아라</b> 님, ', []],
];

for (const name of ['flask', 'rails']) {
  describe(`examples/chatflow-${name}`, () => {
    const play = stage();
    let app;
    let partner;
    let door;
    before(async () => {
      app = await addApp(play.maru);
      partner = await PARTNERS[name](app);
      door = await addPartner(play.maru, partner);
    });
    after(() => partner?.stop());

    const enter = () => play.client({ secret: door.secret }).connect({ withUser: true });
    const offers = (wanted) => (activity) => labels(activity).join() === wanted.join();

    test('a Direct Line client orders a coffee', async () => {
      const client = await enter();
      await client.hear(offers(['처음으로']));
      await client.say('처음으로');
      assert.deepEqual(labels(await client.hear(GREETING)), CHOICES);
      for (const [said, answer, offered] of ORDER) {
        await client.say(said);
        const heard = await client.hear(({ text = '' }) => text === answer || (answer.endsWith(' ') && text.startsWith(answer)));
        assert.deepEqual(labels(heard), offered, said);
      }
      assert.deepEqual((await reportsOf(play.maru, door.bot)).reports, [], 'an answer had to be put right');
    });

    test('a link is a card, and what asks for words refuses a picture', async (t) => {
      const client = await enter();
      await client.say('몇 시에 열어요?');
      const hours = await client.hear(({ text = '', attachments }) => text.includes('8시') || attachments?.length > 0);
      assert.match(JSON.stringify(hours), /openUrl.*maru-coffee\.example\/map/);
      assert.deepEqual(labels(hours), CHOICES, 'what follows the link stands in the same bubble');
      const served = await serveFiles([{ name: 'cat.png', contentType: 'image/png', bytes: png(8, () => [1, 2, 3]) }]);
      t.after(() => served.close());
      await client.send({ attachments: served.attachments });
      await client.hear('여기서는 글로 말씀해 주세요.');
    });

    test('where nobody is behind the bot, the scenario goes on', async () => {
      const client = await enter();
      await client.say('상담원 연결');
      assert.deepEqual(labels(await client.hear(`지금은 상담원이 없습니다.\n\n${GREETING}`)), CHOICES);
    });

    test('a Kore client orders one', async () => {
      const koreApp = await addKoreApp(play.maru, { bot: door.bot });
      const client = play.guest(new KoreCore(koreApp, { user: 'bom' }));
      await client.connect();
      const heard = (text) =>
        client.hear(text, (frame) => frame.type === 'bot_response' && frameText(frame)?.startsWith(text));
      client.say('처음으로');
      const greeting = template(await heard(GREETING));
      const titles = (greeting.quick_replies ?? greeting.buttons).map(({ title }) => title);
      assert.deepEqual(titles, CHOICES);
      for (const [said, answer] of ORDER) {
        client.say(said);
        await heard(answer);
      }
    });

    test('TalkTalk users order at the same time, each in their own place', async () => {
      const talk = async (event) => {
        const answer = await fetch(`${partner.url}/talktalk`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json;charset=UTF-8' },
          body: JSON.stringify(event),
        });
        assert.equal(answer.status, 200);
        const text = await answer.text();
        return text === '' ? undefined : JSON.parse(text);
      };
      const users = ['al-2eGuGr5WQOnco1_V-FQ', 'al-3fHvHs6XROodp2_W-GR'];
      const says = (user, textContent) => talk({ event: 'send', user, textContent, options: { mobile: true } });
      for (const user of users) {
        const opened = await talk({ event: 'open', user, options: { inflow: 'list', under14: false } });
        const [{ data }] = opened.textContent.quickReply.buttonList;
        const greeting = await says(user, { text: data.title, code: data.code, inputType: 'button' });
        assert.equal(greeting.textContent.text, GREETING);
        assert.deepEqual(greeting.textContent.quickReply.buttonList.map(({ data: { code } }) => code), CHOICES);
      }
      for (const [said, answer] of ORDER) {
        const heard = await Promise.all(users.map((user) => says(user, { text: said, inputType: 'typing' })));
        for (const { event, textContent } of heard) {
          assert.equal(event, 'send');
          assert.ok(textContent.text.startsWith(answer), textContent.text);
        }
      }
      const link = await says(users[0], { text: '영업시간', inputType: 'typing' });
      const [card] = link.compositeContent.compositeList;
      assert.equal(card.buttonList[0].data.mobileUrl, 'https://maru-coffee.example/map');
      assert.equal(await talk({ event: 'echo', user: users[0], echoedEvent: 'send', textContent: { text: '주문' } }), undefined);
      assert.equal(await talk({ event: 'leave', user: users[0] }), undefined);
      const gone = await app.ask('GET', `/users/talktalk-${users[0]}/state`);
      assert.equal(gone.body.code, 302, 'whoever leaves is forgotten');
      assert.equal((await app.state(`talktalk-${users[1]}`)).session.phase, 'ended');
    });

    test('ChatFlow away, the partner still answers, and goes on afterwards', async () => {
      const client = await enter();
      await client.say('주문하기');
      await client.hear('어떤 음료로 드릴까요?');
      const lost = await PARTNERS[name]({ env: { ...app.env, CHATFLOW_URL: 'http://127.0.0.1:1' } });
      await play.maru.cli('bot', 'set', door.bot, `url=${lost.url}`);
      await client.say('유자차');
      await client.hear('지금은 답해 드릴 수 없습니다. 잠시 뒤에 다시 말씀해 주세요.');
      await play.maru.cli('bot', 'set', door.bot, `url=${partner.url}`);
      await lost.stop();
      await client.say('유자차');
      await client.hear('몇 잔 드릴까요?');
    });

    test('its own tests', async () => {
      const tests = startTests(`chatflow-${name}`);
      const end = await tests.exited;
      if (end.code !== 0) throw tests.failure('failed');
    });
  });
}
