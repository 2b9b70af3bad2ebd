// SIGKILL, and a start on the same data: every user is where they were, and their clock with them. What goes by in five
// minutes is asked of the test console, which is told what time it is; the same of the API is held to a given clock by the
// tests of crates/chatflow.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { COFFEE, addApp, scenario } from '../../lib/chatflow/app.mjs';
import { labels } from '../../lib/kakao/doors.mjs';
import { stage } from '../../lib/stage.mjs';
import { sleep, until } from '../../lib/wait.mjs';

/** Longer than a test may take: only what is asked with a time of its own gets old here. */
const PATIENT = { ...scenario(COFFEE.ko), meta: { ...scenario(COFFEE.ko).meta, session_timeout_seconds: 3_600 } };

describe('SIGKILL', () => {
  const play = stage();
  let app;
  before(async () => {
    app = await addApp(play.maru, { file: PATIENT });
  });

  async function killed() {
    await play.maru.kill();
    await play.maru.up();
  }

  test('whoever orders goes on in the same place', async () => {
    await app.say('u1', '주문하기');
    await killed();
    const next = await app.say('u1', '카페라떼');
    assert.equal(next.message.text, '카페라떼, 따뜻하게 드릴까요, 차갑게 드릴까요?');
    assert.equal(next.session.restarted, null);
    await killed();
    assert.deepEqual((await app.state('u1')).slot, { menu: '카페라떼' });
    assert.equal((await app.say('u1', '차갑게')).session.turn, 3);
  });

  test('five minutes to the millisecond, over a kill', async () => {
    const five = await addApp(play.maru, { client: app.owner, handle: 'five', file: COFFEE.ko });
    const begin = Date.parse('2026-11-21T15:00:00Z');
    const ages = { early: 299_999, sharp: 300_000, late: 300_001 };
    for (const user of Object.keys(ages)) {
      const { body } = await five.test(user, '주문하기', begin);
      assert.equal(body.turn.id, 'ask_menu', JSON.stringify(body));
    }
    await killed();
    const came = {};
    for (const [user, age] of Object.entries(ages)) {
      const { body } = await five.test(user, '유자차', begin + age);
      came[user] = [body.turn.id, body.turn.session.restarted];
    }
    assert.deepEqual(came, { early: ['ask_qty', null], sharp: ['ask_qty', null], late: ['start', 'timeout'] });
  });

  test('in the middle of turns: each is taken once, whether it was answered or not', async () => {
    // One after the other under an id each, as a caller does who wants to be sure; the server dies again and again.
    const count = 40;
    const talking = (async () => {
      for (let n = 1; n <= count; n += 1) {
        const turn = await until(`an answer to message ${n}`, () => app.say('u2', `말 ${n}`, { message_id: `m${n}` }));
        assert.equal(turn.session.turn, n, 'a turn was lost, or taken twice');
      }
    })();
    for (let round = 0; round < 3; round += 1) {
      await sleep(150);
      await killed();
    }
    await talking;
    const { session, history } = await app.state('u2');
    assert.equal(session.turn, count);
    assert.deepEqual(history.map(({ content }) => content), Array.from({ length: 20 }, (_, n) => `말 ${n + 21}`));
  });

  test('a scenario that answers as a bot goes on in the same place too', async () => {
    const bot = await play.maru.cli('bot', 'add', 'barista', '--kind', 'chatflow', '--set', 'app=coffee');
    const channel = await play.maru.cli('channel', 'add', '--kind', 'direct-line', '--bot', bot.id);
    const client = await play.client({ secret: channel.secrets[0] }).connect({ withUser: true });
    await client.hear((activity) => labels(activity).includes('주문하기'));
    await client.say('주문하기');
    await client.hear('어떤 음료로 드릴까요?');
    await killed();
    await client.say('유자차');
    await client.hear('몇 잔 드릴까요?');
  });
});
