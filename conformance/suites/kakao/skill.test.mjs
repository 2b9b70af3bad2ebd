// A KakaoTalk user, by the payloads of Kakao i Open Builder, talks to a bot on botbuilder, and to one that is written with the
// package kakao-chatbot. What Maru says is built again with that package: it must come out as it went in.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startProgram } from '../../lib/bots.mjs';
import { png, serveFiles } from '../../lib/files.mjs';
import { addDoor } from '../../lib/kakao/doors.mjs';
import {
  OpenBuilder,
  SECRET_HEADER,
  SkillUser,
  deployed,
  fromConsole,
  fromOldBuilder,
  textsOf,
} from '../../lib/kakao/skill.mjs';
import { registerBot } from '../../lib/maru.mjs';
import { HOME, PYTHON } from '../../lib/paths.mjs';
import { stage } from '../../lib/stage.mjs';
import { sleep, until } from '../../lib/wait.mjs';

const WAITING = '답변을 준비하고 있습니다. 잠시 후 아래 버튼을 눌러 주세요.';
const AGAIN = { label: '답변 확인', action: 'message', messageText: '답변 확인' };
const EVENT = { event_bot_id: '61a0c5d3d1b5f6357b1f2c00', event_name: 'maru', event_rest_key: 'a-rest-key' };

const post = async (url, body) => {
  const answer = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

/** Without what the package does not know: the words of a card's picture. Kakao added them after it was written. */
const asThePackageKnows = (answer) =>
  JSON.parse(JSON.stringify(answer), (name, value) => {
    if (name !== 'thumbnail') return value;
    const { altText, ...rest } = value;
    assert.ok(altText.length <= 50);
    return rest;
  });

describe('a skill', { concurrency: true }, () => {
  const play = stage({ bot: 'js-botbuilder' });
  let kakao;
  let chatbot;
  let files;
  let door;
  let own;

  before(async () => {
    kakao = await OpenBuilder.start();
    files = await serveFiles(
      [1, 2].map((n) => ({ name: `${n}.png`, contentType: 'image/png', bytes: png(8 * n, () => [n, n, n]) })),
    );
    chatbot = await startProgram('kakao-chatbot', PYTHON, [join(HOME, 'bots', 'kakao-chatbot.py')]);
    const { bot } = await registerBot(play.maru, chatbot);
    [door, own] = [await open(play.botId), await open(bot)];
  });
  after(async () => {
    kakao?.stop();
    files?.close();
    await chatbot?.stop();
  });

  async function open(bot, settings = {}) {
    const media = [new URL(files.attachments[0].contentUrl).origin];
    const usual = { callback_hosts: [kakao.origin], event_url: kakao.origin, media_hosts: media };
    const made = await addDoor(play.maru, 'kakao-skill', bot, { ...usual, ...settings });
    return { ...made, url: `${play.maru.url}${made.path}` };
  }

  /** Somebody whom the bot has welcomed. */
  async function met(skill = door) {
    const user = new SkillUser(skill);
    const answer = await user.says('hello');
    assert.deepEqual(answer.template.outputs, [
      { simpleText: { text: `welcome ${user.id}` } },
      { simpleText: { text: 'echo: hello' } },
    ]);
    return user;
  }

  /** Holds an answer to what the package makes of it. */
  async function isKakaos(answer) {
    const known = asThePackageKnows(answer);
    assert.deepEqual(await post(`${chatbot.url}/check`, known), known);
  }

  test("payloads of a deployed bot, of the builder's console, and of old builders", async () => {
    const user = await met();
    const { status, type, body } = await user.ask(deployed(user.id, '안녕하세요 😀 <b>&amp;</b>'));
    assert.deepEqual([status, type], [200, 'application/json; charset=utf-8']);
    const outputs = [{ simpleText: { text: 'echo: 안녕하세요 😀 <b>&amp;</b>' } }];
    assert.deepEqual(body, { version: '2.0', template: { outputs } });
    for (const form of [fromConsole, fromOldBuilder]) {
      const other = new SkillUser(door);
      const answer = await other.ask(form(other.id, '발화 내용'));
      assert.deepEqual(textsOf(answer.body), [`welcome ${other.id}`, 'echo: 발화 내용']);
    }
  });

  test('without the secret nobody is answered; two are good while they are changed', async () => {
    const user = await met();
    const payload = deployed(user.id, 'hello');
    for (const secret of ['', 'x', `${door.secret}x`, door.secret.slice(0, -1)]) {
      const { status, body } = await user.ask(payload, { [SECRET_HEADER]: secret });
      assert.deepEqual([status, body.version], [401, '2.0'], secret);
      assert.ok(!textsOf(body).join().includes('hello'));
    }
    const { secret } = await play.maru.cli('secret', 'rotate', door.channel, '--key', '2');
    for (const good of [door.secret, secret]) {
      assert.equal((await user.ask(payload, { [SECRET_HEADER]: good })).status, 200);
    }
    assert.ok(!play.maru.log.includes(door.secret) && !play.maru.log.includes(secret));
  });

  test('five bubbles are three, a card is a card, suggestions are quick replies; presses mean what was offered', async () => {
    const user = await met();
    const many = await user.says('many 5');
    const lines = Array.from({ length: 5 }, (_, n) => `answer ${n + 1} of 5`);
    assert.deepEqual(textsOf(many).join('\n\n'), lines.join('\n\n'));
    assert.equal(many.template.outputs.length, 3);
    const answer = await user.says('card');
    const [words, { textCard }] = answer.template.outputs;
    assert.deepEqual(words, { simpleText: { text: 'pick one' } });
    assert.deepEqual([textCard.title, textCard.description], ['A hero', 'of few words']);
    const { quickReplies } = answer.template;
    assert.deepEqual(
      quickReplies.map(({ label }) => label),
      ['Tea', 'Rice'],
    );
    for (const each of [many, answer]) await isKakaos(each);
    assert.deepEqual(textsOf(await user.presses(quickReplies[0])), ['echo: tea']);
    assert.deepEqual(textsOf(await user.presses(textCard.buttons[0], 'CARD_BUTTON_MESSAGE')), ['echo: bow']);
    assert.deepEqual(textsOf(await user.says('Rice')), ['echo: rice'], 'typed, it means the same');
  });

  test('carousels, with pictures and without; the same label on two cards is told apart', async () => {
    const user = new SkillUser(own);
    for (const [asked, kind] of [
      ['cards', 'basicCard'],
      ['words', 'textCard'],
    ]) {
      const answer = await user.says(asked);
      await isKakaos(answer);
      const [{ carousel }] = answer.template.outputs;
      assert.equal(carousel.type, kind);
      for (const [index, name] of ['kimbap', 'ramyeon'].entries()) {
        const { buttons, title } = carousel.items[index];
        assert.equal(title, name);
        assert.ok(buttons.length <= 3 && buttons.every(({ label }) => label.length <= 14), JSON.stringify(buttons));
        assert.deepEqual(textsOf(await user.presses(buttons[0], 'CARD_BUTTON_MESSAGE')), [`order ${name}`]);
      }
    }
  });

  test("a bot in Kakao's own words: what kakao-chatbot writes goes out as it is, and it reads what comes in", async () => {
    const user = new SkillUser(own);
    assert.deepEqual(await user.says('menu'), await (await fetch(`${chatbot.url}/menu`)).json());
    const menu = { origin: '백반', value: 'bab', groupName: '' };
    const order = { name: 'order', lifespan: 2, ttl: 60, params: { menu: { value: '1', resolvedValue: '1' } } };
    const answer = await user.says('백반 주세요', {
      userRequest: { callbackUrl: kakao.callbackUrl() },
      action: { params: { menu: 'bab' }, detailParams: { menu } },
      contexts: [order],
      flow: {
        trigger: { type: 'CARD_BUTTON_MESSAGE', referrerBlock: { id: 'b', name: '주문' } },
        lastBlock: { id: 'b', name: '주문' },
      },
    });
    assert.deepEqual(JSON.parse(textsOf(answer)[0]), {
      user: user.id,
      key: 'Czs7H_QxuB00',
      utterance: '백반 주세요',
      block: '폴백 블록',
      trigger: 'CARD_BUTTON_MESSAGE',
      contexts: ['order'],
      params: { menu: 'bab' },
      origin: '백반',
      // Whoever knows it can speak to the user.
      callback: null,
    });
  });

  test('pictures of the secure plugin are fetched, and pictures go out', async () => {
    const user = await met();
    const urls = files.attachments.map(({ contentUrl }) => contentUrl);
    const image = { privacyAgreement: 'Y', imageQuantity: '2', secureUrls: `List(${urls.join(', ')})`, expire: 'x' };
    const params = { secureimage: JSON.stringify(image) };
    const answer = await user.says('mirror', { action: { params } });
    const [text, ...pictures] = answer.template.outputs;
    assert.match(text.simpleText.text, /^got 2 files: /);
    assert.equal(pictures.length, 2);
    for (const { simpleImage } of pictures) {
      const shown = await fetch(simpleImage.imageUrl);
      assert.deepEqual([shown.status, shown.headers.get('content-type')], [200, 'image/png']);
    }
    await isKakaos(answer);
  });

  test('a bot that is slow, with a callback: it is called back once, within the minute', async () => {
    const user = await met();
    const callbackUrl = kakao.callbackUrl();
    const begun = Date.now();
    const answer = await user.says('slow 5000', { userRequest: { callbackUrl } });
    assert.deepEqual(answer, { version: '2.0', useCallback: true, data: { text: WAITING } });
    const path = new URL(callbackUrl).pathname;
    const [call] = await kakao.called(path, 1);
    assert.ok(call.at - begun < 60_000);
    assert.deepEqual(textsOf(call.body), ['slow done']);
    await isKakaos(call.body);
    assert.deepEqual(textsOf(await user.says('next')), ['echo: next'], 'it is not said again');
    assert.equal((await kakao.called(path, 1)).length, 1);
    assert.ok(!play.maru.log.includes(path.split('/').at(-1)), 'the token is in no log');
  });

  test('without one the user asks again; and whoever hangs up has the answer with the next word', async () => {
    const user = await met();
    const answer = await user.says('slow 5000');
    assert.deepEqual(answer.template, { outputs: [{ simpleText: { text: WAITING } }], quickReplies: [AGAIN] });
    await isKakaos(answer);
    assert.deepEqual(textsOf(await user.presses(AGAIN)), ['slow done']);
    const gone = new AbortController();
    const call = fetch(door.url, {
      method: 'POST',
      body: JSON.stringify(deployed(user.id, 'slow 1000')),
      headers: { 'Content-Type': 'application/json', [SECRET_HEADER]: door.secret },
      signal: gone.signal,
    });
    await sleep(500);
    gone.abort();
    await assert.rejects(call);
    const said = await user.says('still here');
    assert.deepEqual(textsOf(said).join(' / '), 'slow done / echo: still here');
  });

  test('what the bot says later is pushed as an event, in the form that the package gives it', async () => {
    const { url, secret } = await open(play.botId, { ...EVENT, budget_ms: 1_000 });
    const user = await met({ url, secret });
    const answer = await user.says('slow 2000');
    assert.deepEqual(textsOf(answer), [WAITING]);
    const path = `/v2/bots/${EVENT.event_bot_id}/talk`;
    const pushed = await until('the event', () => kakao.calls.find(({ path: at }) => at === path));
    const body = { event: { name: 'maru', data: { text: 'slow done' } }, user: [{ type: 'botUserKey', id: user.id }] };
    assert.deepEqual(pushed.body, body);
    const built = await post(`${chatbot.url}/event`, { bot: EVENT.event_bot_id, key: EVENT.event_rest_key, body });
    assert.deepEqual(built.body, pushed.body);
    assert.equal(pushed.headers.authorization, built.headers.Authorization);
    assert.equal(new URL(built.url).pathname, pushed.path);
    assert.ok(!play.maru.log.includes(EVENT.event_rest_key));
    assert.deepEqual(textsOf(await user.says('next')), ['echo: next']);
  });

  test('a call that comes twice counts once', async () => {
    const user = await met();
    const once = { 'X-Request-Id': randomUUID() };
    const [one, two] = [
      await user.ask(deployed(user.id, 'once'), once),
      await user.ask(deployed(user.id, 'once'), once),
    ];
    assert.deepEqual([one.status, two.status], [200, 200]);
    assert.deepEqual(textsOf(one.body), ['echo: once']);
    const said = [...textsOf(two.body), ...textsOf(await user.says('twice'))];
    assert.deepEqual(
      said.filter((text) => text === 'echo: once'),
      [],
    );
  });
});
