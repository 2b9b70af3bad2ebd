// The whole window of npm's kore-web-sdk in jsdom: what a visitor sees and does.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { KoreWindow } from '../../lib/kore/sdk.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { sleep, until } from '../../lib/wait.mjs';
import { Wire } from '../../lib/wire.mjs';

/** The shortest that a token may live. */
const TOKEN_TTL_SECS = 60;

const play = koreStage({ bot: 'js-botbuilder', settings: { development_issuer: true } });

async function open({ user = `user-${randomUUID().slice(0, 8)}`, app = play.app, ...options } = {}) {
  const shown = play.guest(await KoreWindow.open(app, { user, ...options }));
  shown.user = user;
  return shown;
}

/** Every message has one bubble. */
function assertNothingTwice(shown) {
  const ids = shown.bubbles.map(({ id }) => id);
  assert.deepEqual(ids, [...new Set(ids)], 'a message is shown twice');
}

describe('kore-web-sdk, its window', () => {
  test('the sample page: issuer, grant, theme, start, socket; then a welcome and text both ways', async () => {
    const shown = await open();
    await shown.shows(`welcome ${shown.user}`);
    shown.type('안녕하세요');
    await shown.shows('안녕하세요', 'echo: 안녕하세요');
    assertNothingTwice(shown);
    assert.deepEqual(shown.complaints, []);
    // It said what it was shown, by the values of the frame.
    const answer = shown.frames.find(({ message }) => message?.[0]?.cInfo?.body === 'echo: 안녕하세요');
    await until('its ack', () => shown.sent.some(({ type, key }) => type === 'ack' && key === answer.key));
  });

  test("assertions of the owner's own server, as an app without an issuer must have them", async () => {
    const app = await play.addApp();
    const user = `user-${randomUUID().slice(0, 8)}`;
    const shown = await open({
      app,
      user,
      jwt: () => app.assertion(user),
      botOptions: { clientId: '', clientSecret: '' },
    });
    await shown.shows(`welcome ${user}`);
    shown.type('hello');
    await shown.shows('hello', 'echo: hello');
  });

  test('a card and its buttons; a press says the payload to the bot and the label to the visitor', async () => {
    const shown = await open();
    await shown.shows(`welcome ${shown.user}`);
    shown.type('card');
    await until('the buttons', () => ['Tea', 'Rice', 'Bow'].every((label) => shown.texts.join(' ').includes(label)), {
      shown: () => shown.texts,
    });
    assert.ok(shown.texts.join(' ').includes('pick one'), shown.texts.join(' / '));
    assert.ok(shown.texts.join(' ').includes('A hero'), shown.texts.join(' / '));
    await shown.press('Tea');
    await shown.shows('Tea', 'echo: tea');
    const pressed = shown.sent.find(({ message }) => message?.body === 'tea');
    assert.equal(pressed.message.renderMsg, 'Tea');
  });

  test('a file, and one in chunks after it on the same page', async () => {
    const shown = await open({ upload: true });
    await shown.shows(`welcome ${shown.user}`);
    for (const [name, size] of [
      ['note.txt', 12],
      ['big.txt', 2_500_000],
    ]) {
      shown.choose(name, 'text/plain', randomBytes(size));
      await until(
        'the file to be uploaded',
        () => {
          const field = shown.document.querySelector('.attachment .msgCmpt');
          return field && !field.querySelector('.upldIndc');
        },
        { shown: () => [shown.complaints, shown.document.querySelector('.attachment').innerHTML] },
      );
      shown.type('a file');
      await shown.shows(`got 1 files: ${name}:${size}`);
      await until('the field to be empty', () => !shown.document.querySelector('.attachment .msgCmpt'));
    }
    assert.deepEqual(shown.complaints, []);
  });

  test('who comes back sees the last ten messages, and scrolling brings those before', async () => {
    const first = await open();
    await first.shows(`welcome ${first.user}`);
    first.type('many 23');
    await first.shows('answer 23 of 23');
    first.close();
    const shown = await open({ user: first.user });
    const answer = (n) => `answer ${n} of 23`;
    await until('the last page', () => shown.texts.includes(answer(23)) && shown.texts.includes(answer(15)), {
      shown: () => shown.texts,
    });
    assert.ok(!shown.texts.includes(answer(10)), 'more than it asked for');
    // It pages by counting from the newest, so a message that comes meanwhile is in two of its pages: it shows it once.
    for (const expected of [answer(6), 'many 23']) {
      await sleep(600);
      shown.scrollUp();
      await until(`scrolling to bring ${expected}`, () => shown.texts.includes(expected), { shown: () => shown.texts });
    }
    const answers = shown.texts.filter((text) => text.startsWith('answer'));
    assert.deepEqual(
      answers,
      Array.from({ length: 23 }, (_, n) => answer(n + 1)),
    );
    assertNothingTwice(shown);
  });

  test('a line that breaks: what was said meanwhile is shown afterwards, and nothing twice', async () => {
    const wire = play.guest(await Wire.to(new URL(play.maru.url).port));
    const shown = await open({ at: `http://127.0.0.1:${wire.port}` });
    await shown.shows(`welcome ${shown.user}`);
    shown.type('before');
    await shown.shows('before', 'echo: before');
    wire.cut();
    const elsewhere = await play.connect(await play.app.user(shown.user), { query: '&ConnectionMode=Default' });
    await elsewhere.say('many 3');
    await elsewhere.heard('answer 3 of 3');
    wire.heal();
    await shown.shows('many 3', 'answer 1 of 3', 'answer 2 of 3', 'answer 3 of 3');
    shown.type('after');
    await shown.shows('after', 'echo: after');
    assert.deepEqual(shown.texts, [
      `welcome ${shown.user}`,
      'before',
      'echo: before',
      'many 3',
      'answer 1 of 3',
      'answer 2 of 3',
      'answer 3 of 3',
      'after',
      'echo: after',
    ]);
    assertNothingTwice(shown);
  });

  test('what is written while the line is down is sent once when it is back, by two sockets or by one', async () => {
    const wire = play.guest(await Wire.to(new URL(play.maru.url).port));
    const shown = await open({ at: `http://127.0.0.1:${wire.port}` });
    await shown.shows(`welcome ${shown.user}`);
    wire.cut();
    await until('the window to notice', () => shown.instance.bot.RtmClient.ws?.readyState !== 1);
    shown.type('written while down');
    wire.heal();
    await until('the answer', () => shown.texts.includes('echo: written while down'), {
      shown: () => [shown.texts, shown.sent.slice(-3)],
      timeoutMs: 30_000,
    });
    shown.type('next');
    await until('the next answer', () => shown.texts.includes('echo: next'), { shown: () => shown.texts });
    assert.equal(shown.texts.filter((text) => text === 'echo: written while down').length, 1);
    const log = await (await play.app.user(shown.user)).log();
    const said = log.filter(({ components }) => components[0].data.text === 'written while down');
    assert.equal(said.length, 1, 'it stands in the log twice');
  });

  test('a token that is worth nothing any more: the window gets another and goes on', async () => {
    const app = await play.addApp({ settings: { development_issuer: true, token_ttl_secs: TOKEN_TTL_SECS } });
    const wire = play.guest(await Wire.to(new URL(play.maru.url).port));
    const shown = await open({ app, at: `http://127.0.0.1:${wire.port}` });
    await shown.shows(`welcome ${shown.user}`);
    const granted = shown.instance.bot.accessToken;
    // Its client secret is changed: what that made is worth nothing. The issuer signs with the new one.
    const { secret } = await play.maru.cli('secret', 'rotate', app.channel, '--key', '1');
    shown.instance.config.botOptions.clientSecret = secret;
    await until('the old token to be refused', async () => (await app.start(granted)).status === 401);
    const refused = await app.start(granted);
    assert.deepEqual(refused.body, { errors: [{ msg: 'token expired', code: 'TOKEN_EXPIRED' }] });
    wire.cut();
    wire.heal();
    // What its button for this does: issuer, grant, start.
    await until('the window to notice', () => shown.instance.bot.RtmClient.ws?.readyState !== 1);
    shown.document.querySelector('.reload-btn').click();
    await until('another token', () => shown.instance.bot.accessToken !== granted);
    await until('its socket', () => shown.instance.bot.RtmClient?.ws?.readyState === 1);
    shown.type('with a new token');
    await shown.shows('with a new token', 'echo: with a new token');
  });
});
