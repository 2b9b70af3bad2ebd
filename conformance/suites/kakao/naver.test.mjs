// A user of Naver TalkTalk talks to a bot on botbuilder: events to the webhook, and a stand-in for the send API with all that it
// may answer.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { PHOTO } from '../../bots/partner-rows.mjs';
import { png, serveFiles } from '../../lib/files.mjs';
import { addDoor, addPartner } from '../../lib/kakao/doors.mjs';
import { startPartner } from '../../lib/kakao/partner.mjs';
import { TalkTalk, TalkTalkUser, hook } from '../../lib/kakao/talktalk.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const KEY = 'ct_wc8bd0key';
const welcome = ({ id }) => `welcome ${id}`;

/** A stage with TalkTalk in front of the bot. */
function talktalkStage(options) {
  const play = stage({ bot: 'js-botbuilder', ...options });
  before(async () => {
    play.talktalk = await TalkTalk.start(KEY);
    play.open = async (settings = {}) => {
      const usual = { send_key: KEY, api_url: play.talktalk.origin };
      const door = await addDoor(play.maru, 'naver-talktalk', play.botId, { ...usual, ...settings });
      return { ...door, url: `${play.maru.url}${door.path}` };
    };
    play.door = await play.open({ handover: true });
    play.user = (url = play.door.url) => new TalkTalkUser(url, play.talktalk);
    /** Somebody whom the bot has welcomed. */
    play.met = async (url) => {
      const user = play.user(url);
      await user.happens({ event: 'open', options: { inflow: 'list', under14: false, under19: false } });
      assert.deepEqual(await user.texts(1), [welcome(user)]);
      return user;
    };
  });
  after(() => {
    play.talktalk?.stop();
    assert.deepEqual(play.talktalk.problems, []);
  });
  return play;
}

describe('TalkTalk', { concurrency: true }, () => {
  const play = talktalkStage();

  test('words are taken at once, and answered by the send API under the bare key', async () => {
    const user = await play.met();
    await user.says('안녕하세요 😀');
    assert.deepEqual((await user.told(2))[1], { event: 'send', textContent: { text: 'echo: 안녕하세요 😀' } });
    const sent = await play.talktalk.told(user.id, 2);
    assert.ok(sent.every(({ authorization }) => authorization === KEY));
    await user.says('many 5');
    const answers = (await user.texts(7)).slice(2);
    assert.deepEqual(
      answers,
      Array.from({ length: 5 }, (_, n) => `answer ${n + 1} of 5`),
    );
    assert.ok(!play.maru.log.includes(KEY));
  });

  test('a card is a composite, suggestions are quick replies, and presses come by their code', async () => {
    const user = await play.met();
    await user.says('card');
    const shown = (await user.told(3)).slice(1);
    const composite = shown.at(-1).compositeContent;
    assert.deepEqual(composite.compositeList[0].title, 'A hero');
    const [bow] = composite.compositeList[0].buttonList;
    const quick = composite.quickReply.buttonList;
    assert.deepEqual(
      quick.map(({ data }) => data.title),
      ['Tea', 'Rice'],
    );
    await user.presses(quick[0]);
    await user.presses(bow);
    assert.deepEqual((await user.texts(4)).slice(-2), ['echo: tea', 'echo: bow']);
  });

  test('a picture is fetched before its link dies; a sticker and the like are words', async (t) => {
    const bytes = png(40, (x, y) => [x, 0, y]);
    const files = await serveFiles([{ name: 'a.png', contentType: 'image/png', bytes }]);
    t.after(() => files.close());
    const [{ contentUrl }] = files.attachments;
    const user = await play.met((await play.open({ media_hosts: [new URL(contentUrl).origin] })).url);
    await user.happens({ event: 'send', imageContent: { imageUrl: contentUrl } });
    assert.match((await user.texts(2))[1], new RegExp(`^got 1 files: .*:${bytes.length}$`));
    await user.happens({ event: 'send', textContent: { text: '(감동)', inputType: 'sticker' } });
    assert.equal((await user.texts(3))[2], 'echo: (감동)');
  });

  test('rooms and friends come and go; who left is never answered', async () => {
    const user = await play.met();
    await user.happens({ event: 'friend', options: { set: 'on' } });
    await user.happens({ event: 'open', options: { inflow: 'button', referer: 'https://x.example/', under14: false } });
    assert.equal((await user.texts(2))[1], 'event open', 'whoever is known is not welcomed again');
    await user.happens({ event: 'friend', options: { set: 'off' } });
    await user.happens({ event: 'leave' });
    await user.happens({ event: 'leave' });
    await user.says('back');
    assert.deepEqual((await user.texts(4)).slice(2), [welcome(user), 'echo: back'], 'it is another room');
  });

  test('with echo ticked the bot does not answer itself', async () => {
    const door = await play.open();
    const user = await play.met(door.url);
    play.talktalk.echoTo = door.url;
    await user.says('one');
    await user.texts(2);
    await user.says('two');
    assert.deepEqual(await user.texts(3), [welcome(user), 'echo: one', 'echo: two']);
    play.talktalk.echoTo = undefined;
  });

  test('the bot gives the user to a human, is left out meanwhile, and is given them back', async () => {
    const user = await play.met();
    await user.says('human');
    assert.deepEqual((await user.told(2))[1], { event: 'handover', options: { control: 'passThread', targetId: 1 } });
    await user.says('for the human', { standby: true });
    await user.happens({ event: 'handover', options: { control: 'takeThread', metadata: 'done' } });
    await user.says('for the bot');
    const texts = await user.texts(3);
    assert.deepEqual(texts, [welcome(user), 'event handover', 'echo: for the bot']);
  });

  test('it shows that it writes, and what it says later is sent at once', async () => {
    const user = await play.met();
    await user.says('typing');
    const [, typing, done] = await user.told(3);
    assert.deepEqual(typing, { event: 'action', options: { action: 'typingOn' } });
    assert.equal(done.textContent.text, 'done typing');
    await user.says('proactive');
    assert.equal((await user.texts(3))[2], 'proactive hello');
  });

  test('a bot that is slow costs the webhook nothing', async () => {
    const user = await play.met();
    await user.says('slow 5500');
    await user.says('and this');
    assert.deepEqual((await user.texts(3)).slice(1), ['slow done', 'echo: and this']);
  });

  test('a send that is never answered holds nobody else up', async () => {
    const [held, other] = await Promise.all([play.met(), play.met()]);
    play.talktalk.fail(held.id, ['silent']);
    await held.says('one');
    await held.told(2);
    await other.says('two');
    assert.equal((await other.texts(2))[1], 'echo: two');
  });

  test('what may pass is tried again; what is refused for good does not stop what follows', async () => {
    const user = await play.met();
    play.talktalk.fail(user.id, ['502', 'reset']);
    await user.says('one');
    assert.deepEqual((await user.texts(2)).slice(1), ['echo: one']);
    play.talktalk.fail(user.id, ['99', '99', '99']);
    await user.says('two');
    await play.talktalk.told(user.id, 7);
    await user.says('three');
    assert.deepEqual((await user.texts(3)).slice(1), ['echo: one', 'echo: three']);
  });

  test('a key that is not taken: what was said waits until it is mended', async () => {
    const door = await play.open({ send_key: 'ct_wrong' });
    const user = play.user(door.url);
    await user.says('one');
    await user.told(1);
    await play.maru.cli('channel', 'set', door.channel, `send_key=${KEY}`);
    await user.says('two');
    assert.deepEqual(await user.texts(3), [welcome(user), 'echo: one', 'echo: two']);
  });

  test('a Plus Friend partner behind TalkTalk; a picture that TalkTalk cannot show becomes words', async (t) => {
    const partner = await startPartner('partner-stand-in');
    t.after(() => partner.stop());
    const { bot } = await addPartner(play.maru, partner, { greeting: 'come in', handoff: true });
    const { path } = await addDoor(play.maru, 'naver-talktalk', bot, { send_key: KEY, api_url: play.talktalk.origin });
    const user = play.user(`${play.maru.url}${path}`);
    await user.happens({ event: 'open', options: { inflow: 'none', under14: false } });
    const [{ textContent }] = await user.told(1);
    assert.equal(textContent.text, 'come in');
    const [introduce] = textContent.quickReply.buttonList;
    await user.presses(introduce);
    assert.equal((await user.texts(2))[1], 'you said: 자기소개');
    const link = { type: 'LINK', data: { title: 'L', url: 'https://x.example/', mobileUrl: 'https://x.example/' } };
    for (const code of ['00', 'IMG-01']) {
      const before = (await user.told(2)).length;
      play.talktalk.fail(user.id, [code]);
      await user.says('chatterbox');
      const events = (await user.told(before + (code === '00' ? 1 : 2))).slice(before);
      const [{ image, ...composite }] = events[0].compositeContent.compositeList;
      assert.deepEqual(composite, { description: '사진', buttonList: [link] });
      const copied = await fetch(image.imageUrl);
      assert.deepEqual(Buffer.from(await copied.arrayBuffer()), PHOTO);
      if (code !== '00') assert.match(events[1].textContent.text, /사진/);
    }
  });

  test('only TalkTalk may call where that is wanted', async () => {
    const { url } = await play.open({ callers: ['naver'] });
    assert.equal((await hook(url, { event: 'open', user: 'al-2eGuGr5WQOnco1_V-FQ', options: {} })).status, 404);
  });
});

describe('TalkTalk, and the server is killed', () => {
  const play = talktalkStage();

  test('what was taken is answered, with the next word at the latest', async () => {
    const user = await play.met();
    await user.says('slow 1500');
    await play.maru.kill();
    await play.maru.up();
    await user.says('and now?');
    const isAnswered = ({ user: to, event }) => to === user.id && event.textContent?.text === 'echo: and now?';
    await until('the answer', () => play.talktalk.sent.some(isAnswered));
    // The bot was asked again, for nobody knows whether it had been answered for.
    assert.deepEqual([...new Set(await user.texts(3))], [welcome(user), 'slow done', 'echo: and now?']);
  });
});
