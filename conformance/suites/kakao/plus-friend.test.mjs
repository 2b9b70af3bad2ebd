// Maru as a partner's server: what the platform called, with a bot on botbuilder behind it. Each call is given up after the
// platform's five seconds.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { PHOTO } from '../../bots/partner-rows.mjs';
import { startBot } from '../../lib/bots.mjs';
import { png, serveFiles } from '../../lib/files.mjs';
import { addDoor, addPartner, labels, reportsOf } from '../../lib/kakao/doors.mjs';
import { startPartner } from '../../lib/kakao/partner.mjs';
import { Platform } from '../../lib/kakao/platform.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const HOME = ['#점심 선택', '#결과 보기', '#설정'];
const SUCCESS = { code: 0, message: 'SUCCESS' };
const FIELD = { type: 'text' };
const WAITING = '답변을 준비하고 있습니다. 잠시 후 아래 버튼을 눌러 주세요.';
const AGAIN = '답변 확인';
const said = (text) => ({ message: { text }, keyboard: FIELD });

describe('KakaoTalk calls Maru as a partner', { concurrency: true }, () => {
  const play = stage({ bot: 'js-botbuilder', maru: { env: { MARU_TRUSTED_PROXIES: '127.0.0.1' } } });
  const bytes = { picture: png(24, (x, y) => [x, y, 90]), film: Buffer.alloc(5_000, 7) };
  let kakao;
  let files;
  before(async () => {
    files = await serveFiles([
      { name: 'a.png', contentType: 'image/png', bytes: bytes.picture },
      { name: 'b.mp4', contentType: 'video/mp4', bytes: bytes.film },
    ]);
    const settings = { home_keyboard: HOME, media_hosts: [new URL(files.attachments[0].contentUrl).origin] };
    const { path } = await addDoor(play.maru, 'kakao-plus-friend', play.botId, settings);
    kakao = new Platform(`${play.maru.url}${path}`);
  });
  after(() => files?.close());

  /** Somebody whom the bot has welcomed. */
  async function met() {
    const key = randomUUID().slice(0, 13);
    assert.deepEqual(await kakao.says(key, 'hello'), said(`welcome ${key}\n\necho: hello`));
    return key;
  }

  test('the home keyboard, bare, in the form that the platform insisted on', async () => {
    const { status, type, body } = await kakao.keyboard();
    assert.deepEqual([status, type], [200, 'application/json; charset=utf-8']);
    assert.deepEqual(body, { type: 'buttons', buttons: HOME });
  });

  test('the calls of the document, as curl makes them', async () => {
    const key = 'encryptedUserKey';
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const text = `{\n  "user_key": "${key}",\n  "type": "text",\n  "content": "차량번호등록"\n}`;
    const photo = `{\n  "user_key": "${key}",\n  "type": "photo",\n  "content": "http://photo_url/number.jpg"\n}`;
    assert.deepEqual((await kakao.call('POST', '/friend', `{"user_key" : "${key}" }`, form)).body, SUCCESS);
    const first = await kakao.call('POST', '/message', text, form);
    assert.deepEqual([first.status, first.type], [200, 'application/json; charset=utf-8']);
    assert.deepEqual(first.body, said(`welcome ${key}\n\necho: 차량번호등록`));
    // The bot tries the link, which leads nowhere, fails, and is not asked again within the five seconds.
    assert.equal((await kakao.call('POST', '/message', photo, form)).status, 200);
    for (const path of [`/friend/${key}`, `/chat_room/${key}`]) {
      const done = await kakao.call('DELETE', path);
      assert.deepEqual([done.status, done.body], [200, SUCCESS]);
    }
  });

  test('friends and rooms come and go, also as some had it: with a body, and twice', async () => {
    const key = await met();
    assert.deepEqual((await kakao.befriends(key)).body, SUCCESS);
    assert.deepEqual((await kakao.call('DELETE', '/friend', { user_key: key })).body, SUCCESS);
    assert.deepEqual((await kakao.leaves(key)).body, SUCCESS);
    assert.deepEqual((await kakao.leaves(key)).body, SUCCESS);
    assert.deepEqual(await kakao.says(key, 'back'), said(`welcome ${key}\n\necho: back`), 'it is another room');
  });

  test('several bubbles are one, and cards, choices and buttons have their place in it', async () => {
    const key = await met();
    const lines = Array.from({ length: 5 }, (_, n) => `answer ${n + 1} of 5`);
    assert.deepEqual(await kakao.says(key, 'many 5'), said(lines.join('\n\n')));
    assert.deepEqual(await kakao.says(key, 'card'), {
      message: { text: 'pick one\n\nA hero\nof few words' },
      keyboard: { type: 'buttons', buttons: ['Tea', 'Rice', 'Bow'] },
    });
    assert.deepEqual(await kakao.says(key, 'Tea'), said('echo: tea'), 'the bot is told what a press means');
    assert.deepEqual(
      await kakao.says(key, '<b>Tea</b> or 차'),
      said('echo: <b>Tea</b> or 차'),
      'any text may come at any time',
    );
  });

  test('a bot that is slow: the user asks again, and nothing is lost or said twice', async () => {
    const key = await met();
    const waiting = { message: { text: WAITING }, keyboard: { type: 'buttons', buttons: [AGAIN] } };
    assert.deepEqual(await kakao.says(key, 'slow 5000'), waiting);
    assert.deepEqual(await kakao.says(key, AGAIN), said('slow done'));
    assert.deepEqual(await kakao.says(key, 'slow 4500'), waiting);
    // Whoever says something else meanwhile has both.
    assert.deepEqual(await kakao.says(key, 'and this'), said('slow done\n\necho: and this'));
  });

  test('two taps in flight are answered once each', async () => {
    const key = await met();
    const answers = await Promise.all([kakao.says(key, 'one'), kakao.says(key, 'two')]);
    const texts = answers.map(({ message }) => message.text).sort();
    assert.deepEqual(texts, ['echo: one', 'echo: two']);
  });

  test('what a user sends is fetched before its link dies', async () => {
    const key = await met();
    const [picture, film] = files.attachments.map(({ contentUrl }) => contentUrl);
    for (const [url, kind, { length }] of [
      [picture, 'photo', bytes.picture],
      [film, 'video', bytes.film],
    ]) {
      assert.match((await kakao.says(key, url, kind)).message.text, new RegExp(`^got 1 files: .*:${length}$`));
    }
  });

  test('both sides of the wire: a partner behind Maru, which is a partner itself', async (t) => {
    const partner = await startPartner('partner-stand-in');
    t.after(() => partner.stop());
    const { bot } = await addPartner(play.maru, partner, { greeting: '', handoff: true });
    const { path } = await addDoor(play.maru, 'kakao-plus-friend', bot);
    const front = new Platform(`${play.maru.url}${path}`);
    const key = randomUUID().slice(0, 13);
    const { message, keyboard } = await front.says(key, 'chatterbox');
    const copied = await fetch(message.photo.url);
    assert.deepEqual(Buffer.from(await copied.arrayBuffer()), PHOTO);
    assert.deepEqual(message, {
      text: '사진',
      photo: { url: message.photo.url, width: 720, height: 630 },
      message_button: { label: 'L', url: 'https://x.example/' },
    });
    assert.deepEqual(keyboard, { type: 'buttons', buttons: ['자기소개'] });
    await front.blocks(key);
    await partner.called('DELETE /friend/', 1);
    await front.leaves(key);
    await partner.called('DELETE /chat_room/', 1);
  });

  test('a text is cut at a thousand characters, and no character is cut', async () => {
    const key = await met();
    for (const length of [993, 994, 995, 2_000, 9_000]) {
      const words = '가'.repeat(length);
      const { message } = await kakao.says(key, words);
      assert.equal(message.text.length, Math.min(1_000, length + 6), `${length}`);
      assert.ok(`echo: ${words}`.startsWith(message.text.replace(/…$/, '')));
    }
    const families = '👨‍👩‍👧‍👦'.repeat(200);
    const { message } = await kakao.says(key, families);
    const shown = message.text.replace(/…$/, '').slice('echo: '.length);
    assert.equal(shown.length % '👨‍👩‍👧‍👦'.length, 0);
    const apart = '각'.normalize('NFD').repeat(500);
    assert.equal((await kakao.says(key, '각'.normalize('NFD'))).message.text, `echo: ${'각'.normalize('NFD')}`);
    assert.equal((await kakao.says(key, apart)).message.text.replace(/…$/, '').slice(6).length % 3, 0);
  });

  test('only the platform may call where that is wanted, behind a proxy that is trusted, too', async () => {
    const listed = await addDoor(play.maru, 'kakao-plus-friend', play.botId, { callers: ['kakao'] });
    const closed = new Platform(`${play.maru.url}${listed.path}`);
    const asked = async (by) =>
      (await closed.call('GET', '/keyboard', undefined, by ? { 'X-Forwarded-For': by } : {})).status;
    assert.deepEqual(
      await Promise.all(
        [undefined, '110.76.143.234', '110.76.143.236', '110.76.143.237', '110.76.143.234, 9.9.9.9'].map(asked),
      ),
      [400, 200, 200, 400, 400],
    );
  });

  test('Maru behind Maru: a client of Direct Line, a Plus Friend bot, this face, and the bot', async () => {
    const partner = await addPartner(play.maru, { name: 'maru', url: kakao.base }, { greeting: 'come in' });
    const client = await play.client({ secret: partner.secret }).connect({ withUser: true });
    assert.deepEqual(labels(await client.hear('come in')), HOME);
    await client.say('card');
    const card = await client.hear((activity) => labels(activity).includes('Tea'));
    assert.match(card.text, /^welcome \S+\n\npick one\n\nA hero\nof few words$/);
    await client.say('Tea');
    await client.hear('echo: tea');
    await client.send({ type: 'endOfConversation' });
    const { result } = await play.maru.cli('bot', 'test', partner.bot);
    assert.deepEqual(
      Object.values(result).map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.deepEqual((await reportsOf(play.maru, partner.bot)).reports, []);
  });
});

describe('the bot behind the face is killed', () => {
  const play = stage({ bot: 'js-botbuilder' });

  test('and comes back: what was said waits for it', async () => {
    const { path } = await addDoor(play.maru, 'kakao-plus-friend', play.botId);
    const kakao = new Platform(`${play.maru.url}${path}`);
    await kakao.says('ara', 'hello');
    await play.bot.kill();
    assert.equal((await kakao.says('ara', 'are you there?')).message.text, WAITING);
    play.bot = await startBot('js-botbuilder');
    await play.maru.cli('bot', 'set', play.botId, `endpoint=${play.bot.endpoint}`);
    await until('the answer', async () => (await kakao.says('ara', AGAIN)).message.text === 'echo: are you there?');
  });
});
