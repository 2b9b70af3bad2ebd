// The origin's own client, as it was: forms under the later names, answers read without a look whether anything is there. By
// it a partner server of those days asks Maru, and a Direct Line client orders a coffee.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { addApp } from '../../lib/chatflow/app.mjs';
import { PARTNERS } from '../../lib/chatflow/partners.mjs';
import { addPartner, labels } from '../../lib/kakao/doors.mjs';
import { Http } from '../../lib/kore/http.mjs';
import { stage } from '../../lib/stage.mjs';

/** Two bubbles, of which the first has a picture and the second a link; and a node that says nothing. */
const BUBBLES = {
  format: 'chatflow/1',
  name: 'bubbles',
  meta: { entry_id: 'first', exception_id: 'first' },
  nodes: {
    first: {
      type: 'message',
      message: { text: '하나', image: { url: 'https://shop.example/a.png', width: 720, height: 630 } },
      to: 'second',
    },
    second: { type: 'link', message: { text: '둘', link: { label: '지도', url: 'https://shop.example/map' } }, to: 'mute' },
    mute: { type: 'handoff', message: { text: '셋' }, to: 'first' },
  },
};

describe("the origin's client", () => {
  const play = stage();
  let app;
  let partner;
  let door;
  before(async () => {
    app = await addApp(play.maru);
    partner = await PARTNERS.origin(app);
    door = await addPartner(play.maru, partner);
  });
  after(() => partner?.stop());

  test('a coffee is ordered by it', async () => {
    const client = await play.client({ secret: door.secret }).connect({ withUser: true });
    await client.say('안녕하세요');
    const greeting = await client.hear(({ text = '' }) => text.startsWith('안녕하세요, 손님!'));
    assert.deepEqual(labels(greeting), ['주문하기', '영업시간', '상담원 연결']);
    for (const [said, answer] of [
      ['아아 주세요', '아메리카노, 따뜻하게 드릴까요, 차갑게 드릴까요?'],
      ['차갑게', '몇 잔 드릴까요?'],
      ['3', '어떤 이름으로 불러 드릴까요?'],
      ['보미', '보미 님, 준비되면 문자로 알려 드릴까요?'],
    ]) {
      await client.say(said);
      await client.hear(answer);
    }
  });

  test('its form, byte for byte, at the address that it knows', async () => {
    const form = `user_id=k1&content=%EC%95%88%EB%85%95&developer_id=${app.clientId}&conversation_id=${app.appId}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' };
    const { status, body } = await new Http(play.maru.url).call('POST', '/api/v1/message', { body: form, headers });
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body).slice(0, 5), ['id', 'action', 'message', 'keyboard', 'slot']);
    assert.deepEqual(Object.keys(body.message).slice(0, 2), ['text', 'image']);
  });

  test('every turn has what it reads, also one in which nothing is said', async () => {
    const bubbles = await addApp(play.maru, { client: app.owner, handle: 'bubbles', file: BUBBLES });
    const ids = { developer_id: bubbles.clientId, conversation_id: bubbles.appId, user_id: 'k2' };
    const said = [];
    for (const [path, content] of [['message', '안녕'], ['message', '저기요'], ['init', undefined]]) {
      const form = new URLSearchParams({ ...ids, ...(content ? { content } : {}) });
      const { status, body } = await new Http(play.maru.url).call('POST', `/api/v1/${path}`, { body: form });
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.keyboard.type, 'text');
      assert.ok('image' in body.message);
      said.push(body.message.text);
    }
    assert.deepEqual(said, ['하나\n\n둘\n\n셋', '', '하나\n\n둘\n\n셋'], 'it shows one bubble, so all is in it');
  });
});
