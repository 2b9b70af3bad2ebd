// Partner servers on Flask and on Express, unmodified, with the payloads of the platform's own documents.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { png, serveFiles } from '../../lib/files.mjs';
import { addPartner, labels, reportsOf } from '../../lib/kakao/doors.mjs';
import { startPartner } from '../../lib/kakao/partner.mjs';
import { addKoreApp } from '../../lib/kore/app.mjs';
import { template } from '../../lib/kore/socket.mjs';
import { stage } from '../../lib/stage.mjs';

const HOME = ['#점심 선택', '#결과 보기', '#설정'];
const NO_HUMAN = '상담원과의 대화가 불가능한 프로필입니다.';

for (const name of ['partner-flask', 'partner-express']) {
  describe(name, () => {
    const play = stage();
    let partner;
    let door;
    before(async () => {
      partner = await startPartner(name);
      door = await addPartner(play.maru, partner);
    });
    after(() => partner?.stop());

    const enter = (options) => play.client({ secret: door.secret, ...options }).connect({ withUser: true });

    test('whoever comes in has the home keyboard, and is told that nobody can be reached but the bot', async () => {
      const client = await enter();
      const home = await client.hear((activity) => labels(activity).length > 0);
      assert.deepEqual(labels(home), HOME);
      assert.equal(client.heard[0], NO_HUMAN);
      assert.ok((await partner.called('GET /keyboard', 1)).every(({ body }) => body === ''));
      const [friend] = await partner.called('POST /friend', 1);
      assert.deepEqual(Object.keys(JSON.parse(friend.body)), ['user_key']);
    });

    test('the payloads of the document, byte for byte', async () => {
      const client = await enter();
      await client.say('차량번호등록');
      const answer = await client.hear('귀하의 차량이 성공적으로 등록되었습니다. 축하합니다!');
      const call = (await partner.calls('POST /message')).at(-1);
      const { user_key: key } = JSON.parse(call.body);
      assert.equal(call.body, `{"user_key":"${key}","type":"text","content":"차량번호등록"}`);
      assert.equal(call.headers['content-type'], 'application/json; charset=utf-8');
      assert.equal(call.path, '/message');

      assert.deepEqual(labels(answer), ['처음으로', '다시 등록하기', '취소하기']);
      const [photo, card] = answer.attachments;
      assert.match(photo.contentType, /^image\//);
      assert.equal(photo.contentUrl, 'https://photo.src', 'what cannot be copied is shown where it is');
      assert.deepEqual(card.content.buttons, [
        { type: 'openUrl', title: '주유 쿠폰받기', value: 'https://coupon/url' },
      ]);
    });

    test('free text under a keyboard of buttons is handed on, and a text keyboard offers nothing', async () => {
      const client = await enter();
      await client.hear((activity) => labels(activity).length === 3);
      await client.say('<b>아무 말</b> 😀');
      assert.deepEqual(labels(await client.hear('들은 말: <b>아무 말</b> 😀')), HOME);
      await client.say('#설정');
      assert.deepEqual(labels(await client.hear('무엇을 바꿀까요?')), []);
    });

    test('a label is sent as the partner spelled it, in whatever form it was pressed; other texts as they are', async () => {
      const client = await enter();
      await client.hear((activity) => labels(activity).length === 3);
      await client.say('#결과 보기'.normalize('NFD'));
      await client.hear('들은 말: #결과 보기');
      await client.say('다른 말'.normalize('NFD'));
      await client.hear(`들은 말: ${'다른 말'.normalize('NFD')}`);
    });

    test('pictures, films and voices come as links that the partner can follow', async (t) => {
      const client = await enter();
      const picture = png(16, (x, y) => [x, y, 0]);
      const files = [
        ['a.png', 'image/png', picture, 'photo'],
        ['b.mp4', 'video/mp4', Buffer.alloc(2_000, 1), 'video'],
        ['c.m4a', 'audio/mp4', Buffer.alloc(3_000, 1), 'audio'],
      ].map(([fileName, contentType, bytes, kind]) => ({ name: fileName, contentType, bytes, kind }));
      const served = await serveFiles(files);
      t.after(() => served.close());
      for (const [index, { bytes, kind }] of files.entries()) {
        await client.send({ attachments: [served.attachments[index]] });
        await client.hear(`${kind}: ${bytes.length}`);
      }
    });

    test('the end of a conversation and erasing are told', async () => {
      const client = await enter();
      await client.say('안녕');
      await client.hear('들은 말: 안녕');
      const { user_key: key } = JSON.parse((await partner.calls('POST /message')).at(-1).body);
      await client.send({ type: 'endOfConversation' });
      await partner.called(`DELETE /chat_room/${key}`, 1);
      await play.maru.cli('erase', '--user', client.user, '--channel', door.channel, '--yes');
      await partner.called(`DELETE /friend/${key}`, 1);
    });

    test("one at Kore.ai's protocol: the home keyboard, a press, and the end of the session", async () => {
      const user = await (await addKoreApp(play.maru, { bot: door.bot })).user();
      const socket = play.guest(await user.connect());
      const home = await socket.heard((frame) => template(frame)?.quick_replies !== undefined);
      assert.deepEqual(
        template(home).quick_replies.map(({ title }) => title),
        HOME,
      );
      await socket.say(HOME[0]);
      await socket.heard(`들은 말: ${HOME[0]}`);
      const { user_key: key } = JSON.parse((await partner.calls('POST /message')).at(-1).body);
      socket.send({ resourceid: '/bot.closeConversationSession', botInfo: user.app.botInfo(), id: 2 });
      await partner.called(`DELETE /chat_room/${key}`, 1);
    });

    test('it passes the API test, and nothing had to be put right', async () => {
      const { result } = await play.maru.cli('bot', 'test', door.bot);
      assert.deepEqual(
        Object.values(result).map(({ status }) => status),
        [200, 200, 200, 200],
      );
      assert.deepEqual((await reportsOf(play.maru, door.bot)).reports, []);
    });
  });
}
