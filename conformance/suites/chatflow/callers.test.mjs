// One user, asked for by many callers at once; and many users.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { addApp } from '../../lib/chatflow/app.mjs';
import { stage } from '../../lib/stage.mjs';

describe('many callers', () => {
  const play = stage();
  let app;
  before(async () => {
    app = await addApp(play.maru);
  });

  test('of one user: a turn each, one after the other', async () => {
    const texts = Array.from({ length: 24 }, (_, n) => `말 ${n}`);
    const turns = await Promise.all(texts.map((text) => app.say('one', text)));
    const places = turns.map(({ session }) => session.turn).toSorted((a, b) => a - b);
    assert.deepEqual(places, texts.map((_, n) => n + 1));
    assert.equal(turns.filter(({ session }) => session.restarted === 'new').length, 1);
    // What each was told is what came of the turns before it: the log has them in that order.
    const { history } = await app.state('one');
    const order = turns.map(({ session }, n) => [session.turn, texts[n]]).toSorted(([a], [b]) => a - b).map(([, text]) => text);
    assert.deepEqual(history.map(({ content }) => content), order.slice(-20));
  });

  test('of one user, with one message: one turn, and the same answer for all', async () => {
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => app.post('/message', { user_key: 'again', content: '주문하기', message_id: 'm1' })),
    );
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1, answers[0].text);
    const later = await app.post('/message', { user_key: 'again', content: 'whatever stands here', message_id: 'm1' });
    assert.equal(later.text, answers[0].text);
    assert.equal((await app.state('again')).session.turn, 1);
    assert.equal((await app.say('other', '주문하기', { message_id: 'm1' })).session.turn, 1, 'an id is of one user');
  });

  test('of many users: each has a place of their own', async () => {
    const users = Array.from({ length: 40 }, (_, n) => `사람/${n} ?#`);
    await Promise.all(users.map((user) => app.say(user, '주문하기')));
    const drinks = ['아메리카노', '카페라떼', '바닐라라떼', '유자차'];
    await Promise.all(users.map((user, n) => app.say(user, drinks[n % 4])));
    const states = await Promise.all(users.map((user) => app.state(user)));
    assert.deepEqual(states.map(({ slot }) => slot.menu), users.map((_, n) => drinks[n % 4]));
    const gone = await app.ask('DELETE', `/users/${encodeURIComponent(users[0])}/state`);
    assert.deepEqual(gone.body, { code: 0, message: 'SUCCESS' });
    assert.equal((await app.say(users[0], '카페라떼')).session.restarted, 'new');
    assert.equal((await app.state(users[1])).session.turn, 2);
  });
});
