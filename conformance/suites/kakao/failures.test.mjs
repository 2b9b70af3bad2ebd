// What befalls a Plus Friend partner, and what its users notice: it is killed, it hangs, it is asked by many at once; and the
// server that calls it is killed.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { addPartner, labels, reportsOf } from '../../lib/kakao/doors.mjs';
import { startPartner } from '../../lib/kakao/partner.mjs';
import { Maru } from '../../lib/maru.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { Rest } from '../../lib/rest.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const TEXTS = { greeting: 'come in', no_answer_text: 'no answer today', outage_text: 'out of order', handoff: true };

describe('a partner that fails', () => {
  let operator;
  let partner;
  const play = stage({
    server: async () => {
      operator = await Recorder.start();
      return Maru.start({ env: { MARU_ALERTS__URL: operator.endpoint } });
    },
  });
  before(async () => {
    partner = await startPartner('partner-stand-in');
  });
  after(async () => {
    await partner?.stop();
    operator?.stop();
  });

  const add = (name, settings) => addPartner(play.maru, { name, url: partner.url }, { ...TEXTS, ...settings });
  const enter = ({ secret }, options) => play.client({ secret, ...options }).connect({ withUser: true });
  const alerts = () => operator.requests.map(({ activity }) => activity.event);

  test('ten failures in a row: it is left alone, the operator is told once, and it comes back by itself', async () => {
    const door = await add('outage', { probe_secs: 1, phone: '01012345678' });
    const client = await enter(door);
    assert.equal((await client.ask('hello')).text, 'you said: hello');
    await partner.kill();
    for (let n = 0; n < 10; n++) assert.equal((await client.ask(`dead ${n}`)).text, TEXTS.no_answer_text);
    await until('the alert', () => alerts().length > 0);
    assert.equal(operator.requests[0].activity.to, '01012345678');
    for (let n = 0; n < 3; n++) assert.equal((await client.ask(`dead ${n}`)).text, TEXTS.outage_text);
    const state = await reportsOf(play.maru, door.bot);
    assert.deepEqual(
      state.reports.filter(({ call }) => call === 'message').map(({ code, times }) => [code, times]),
      [[202, 10]],
    );

    partner = await startPartner('partner-stand-in', { port: partner.port });
    await until('the alert that it is over', () => alerts().length === 2);
    assert.deepEqual(alerts(), ['raised', 'settled']);
    assert.equal((await client.ask('again')).text, 'you said: again');
    assert.equal((await partner.calls('POST /message')).length, 1, 'what was said in the outage is not said again');
  });

  test('one that answers its home keyboard with an error is not called again until it is well, or the owner says so', async () => {
    const door = await add('restart', { probe_secs: 1, outage_failures: 2 });
    const client = await enter(door);
    await partner.tell({ every: '500', home: 'error-with-a-body' });
    for (let n = 0; n < 2; n++) assert.equal((await client.ask('hello')).text, TEXTS.no_answer_text);
    const probed = (await partner.calls('GET /keyboard')).length;
    const sent = (await partner.calls('POST /message')).length;
    await partner.called('GET /keyboard', probed + 2);
    assert.equal((await client.ask('hello')).text, TEXTS.outage_text);
    assert.equal((await partner.calls('POST /message')).length, sent);
    await partner.tell({ every: 'ChatFlow Flask' });
    await play.maru.cli('bot', 'restart', door.bot);
    assert.equal((await client.ask('hello')).text, '홈버튼 1');
    await partner.tell({ every: null, home: null });
  });

  test('one more failure a day than is borne stops it', async () => {
    const door = await add('stopped', { probe_secs: 1, outage_failures: 100, daily_failures_max: 3 });
    const client = await enter(door);
    for (let n = 0; n < 4; n++) {
      assert.equal((await client.ask('a reset')).text, TEXTS.no_answer_text);
      // A success between two failures ends the row, and not the day's count.
      if (n < 3) assert.equal((await client.ask('well')).text, 'you said: well');
    }
    assert.equal((await client.ask('well')).text, TEXTS.outage_text);
    await play.maru.cli('bot', 'restart', door.bot);
    assert.equal((await client.ask('well')).text, 'you said: well');
  });

  test('it dies in the middle of an answer and is back at once: one notice, nothing twice', async () => {
    const door = await add('dies');
    const client = await enter(door);
    assert.equal((await client.ask('die')).text, TEXTS.no_answer_text);
    partner = await startPartner('partner-stand-in', { port: partner.port });
    assert.equal((await client.ask('are you there?')).text, 'you said: are you there?');
    assert.equal((await partner.calls('POST /message')).length, 1);
  });

  test('a hundred users of one that hangs, and the users of another are answered meanwhile', async () => {
    const hung = await add('hung', { answer_timeout_ms: 2_000, outage_failures: 1_000 });
    const well = await enter(await add('well'));
    const rest = new Rest(play.maru.directLine, hung.secret);
    const users = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const user = { id: `hung-${n}` };
        const { body } = await rest.start({ user });
        const posted = await rest.post(body.conversationId, {
          type: 'message',
          from: user,
          text: 'hapi, a body that never comes',
        });
        assert.equal(posted.status, 200);
        return body.conversationId;
      }),
    );
    assert.equal((await well.ask('meanwhile')).text, 'you said: meanwhile');
    for (const conversation of users) {
      await until('the notice', async () => {
        const said = await rest.history(conversation);
        return said.some(({ text }) => text === TEXTS.no_answer_text);
      });
    }
    assert.equal((await well.ask('afterwards')).text, 'you said: afterwards');
  });

  test('two taps at once, in two windows of one user, are handed over one after the other', async () => {
    const door = await add('taps');
    const one = await enter(door, { user: 'twice' });
    const two = await enter(door, { user: 'twice' });
    const before = (await partner.calls('POST /message')).length;
    const first = one.ask('hold');
    await partner.called('POST /message', before + 1);
    const second = two.ask('second');
    // The other user is not kept waiting; by then the second tap would have been handed over, too.
    assert.equal((await (await enter(door)).ask('third')).text, 'you said: third');
    const contents = async () => {
      const calls = (await partner.calls('POST /message')).slice(before);
      return calls.map(({ body }) => JSON.parse(body).content);
    };
    assert.deepEqual(await contents(), ['hold', 'third']);
    await partner.tell({ release: true });
    assert.equal((await first).text, 'you said: hold');
    assert.equal((await second).text, 'you said: second');
    assert.deepEqual(await contents(), ['hold', 'third', 'second']);
  });

  test('fifty who come in at once make one call for the home keyboard, and each has it', async () => {
    const { secret } = await addPartner(play.maru, { name: 'fifty', url: `${partner.url}/home/flask` }, TEXTS);
    const rest = new Rest(play.maru.directLine, secret);
    const conversations = await Promise.all(
      Array.from(
        { length: 50 },
        async (_, n) => (await rest.start({ user: { id: `fifty-${n}` } })).body.conversationId,
      ),
    );
    for (const conversation of conversations) {
      await until('the greeting', async () =>
        (await rest.history(conversation)).some(({ text }) => text === TEXTS.greeting),
      );
    }
    assert.equal((await partner.calls('GET /home/flask/keyboard')).length, 1);
    await partner.called('POST /home/flask/friend', 50);
  });

  test('the base of a partner may have a port, a path and a slash behind it', async () => {
    for (const [name, url] of [
      ['port', partner.url],
      ['slash', `${partner.url}/`],
      ['path', `${partner.url}/home/php/`],
    ]) {
      const { secret } = await addPartner(play.maru, { name: `base-${name}`, url }, TEXTS);
      const client = await enter({ secret });
      assert.equal(labels(await client.hear(TEXTS.greeting)).length, 2, name);
      assert.equal((await client.ask('hello')).text, 'you said: hello', name);
    }
    assert.deepEqual(
      (await partner.calls()).filter(({ path }) => path.includes('//')),
      [],
    );
  });
});

describe('the server is killed', () => {
  const play = stage();
  let partner;
  before(async () => {
    partner = await startPartner('partner-stand-in');
  });
  after(() => partner?.stop());

  test('in the middle of an answer: it is asked for again, and what is said meanwhile waits behind it', async () => {
    const { secret } = await addPartner(play.maru, { name: 'killed', url: partner.url }, TEXTS);
    const client = await play.client({ secret }).connect({ withUser: true });
    await client.say('hello');
    await client.hear('you said: hello');
    await client.say('hold');
    await partner.called('POST /message', 2);
    await play.maru.kill();
    await partner.tell({ release: true });
    await play.maru.up();
    await partner.called('POST /message', 3);
    await client.say('and now?');
    await partner.tell({ release: true });
    await client.hear('you said: and now?');
    const answers = ['hello', 'hold', 'and now?'].map((text) => `you said: ${text}`);
    assert.deepEqual(client.heard, [TEXTS.greeting, ...answers]);
    // No keyboard is asked for again: the one before the user outlived the kill.
    assert.equal((await partner.calls('GET /keyboard')).length, 1);
  });
});
