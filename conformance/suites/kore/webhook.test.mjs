// Webhook mode: no grant and no socket, the assertion itself on every call; by hand, and by the web SDK's own window. And
// the key with which a page begins without an issuer.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { TIME, kindOfId, sign, textOf } from '../../lib/kore/app.mjs';
import { KoreWindow } from '../../lib/kore/sdk.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { until } from '../../lib/wait.mjs';

const play = koreStage({ bot: 'js-botbuilder', settings: { development_issuer: true, webhook_wait_secs: 2 } });

const path = () => `/chatbot/v2/webhook/${play.app.botId}`;

/** What the SDK sends. */
const body = (identity, message, isNew = false) => ({
  session: { new: isNew },
  message,
  from: { id: identity, userInfo: { firstName: 'Ara', lastName: '', email: '' } },
  to: { id: 'Kore.ai', groupInfo: { id: '', name: '' } },
  token: {},
});

const CONNECT = { type: 'event', val: 'ON_CONNECT' };

/** One user in webhook mode. */
function hooked() {
  const sub = `user-${randomUUID().slice(0, 8)}`;
  const token = play.app.assertion(sub);
  const send = (message, isNew) => play.app.http.call('POST', path(), { token, body: body(sub, message, isNew) });
  return { sub, token, send, say: (text) => send({ type: 'text', val: text }) };
}

const said = (answer) => answer.body.data.map(({ val }) => val);

describe('by hand', () => {
  test('ON_CONNECT welcomes, a text is answered in the reply, and all of it is in the history', async () => {
    const { sub, token, send, say } = hooked();
    const connected = await send(CONNECT, true);
    assert.equal(connected.status, 200, connected.text);
    assert.equal(connected.body._v, 'v2');
    assert.deepEqual(said(connected), [`welcome ${sub}`]);
    const answered = await say('안녕하세요');
    assert.deepEqual(said(answered), ['echo: 안녕하세요']);
    const [item] = answered.body.data;
    assert.equal(item.type, 'text');
    assert.match(item.createdOn, TIME);
    assert.match(item.messageId, kindOfId('ms'));
    assert.equal(answered.body.pollId, undefined);
    assert.equal(typeof answered.body.endOfTask, 'boolean');
    for (const type of ['ivr', 'hook-1']) {
      const page = await play.app.http.call(
        'GET',
        `/api/chathistory/${play.app.botId}/${type}?botId=${play.app.botId}&limit=10`,
        { token },
      );
      assert.equal(page.status, 200, page.text);
      assert.deepEqual(page.body.messages.map(textOf), [`welcome ${sub}`, '안녕하세요', 'echo: 안녕하세요']);
    }
  });

  test('several answers come in one reply, a template as an object or its JSON', async () => {
    const { send, say } = hooked();
    await send(CONNECT, true);
    assert.deepEqual(said(await say('many 3')), ['answer 1 of 3', 'answer 2 of 3', 'answer 3 of 3']);
    const card = said(await say('card'));
    const templates = card.map((val) => (typeof val === 'string' && val.startsWith('{') ? JSON.parse(val) : val));
    assert.ok(
      templates.some((val) => val?.type === 'template' && val.payload.template_type),
      JSON.stringify(card),
    );
  });

  test('an answer that takes longer is fetched by its poll id, once', async () => {
    const { token, send, say } = hooked();
    await send(CONNECT, true);
    const waiting = await say('slow 3000');
    assert.equal(waiting.status, 200, waiting.text);
    const { pollId } = waiting.body;
    assert.ok(pollId, waiting.text);
    const poll = () => play.app.http.call('GET', `${path()}/poll/${pollId}`, { token });
    const done = await until(
      'the answer to be there',
      async () => {
        const answer = await poll();
        assert.equal(answer.status, 200, answer.text);
        if (!answer.body.pollId) return answer;
        assert.deepEqual([answer.body.status, answer.body.pollId, answer.body._v], ['Inprogress', pollId, 'v2']);
        return undefined;
      },
      { everyMs: 300 },
    );
    assert.deepEqual(said(done), ['slow done']);
    const again = await poll();
    assert.equal(again.status, 400);
    assert.deepEqual(again.body.errors[0], { msg: 'No data found', code: 400 });
  });

  test('the end of a session', async () => {
    const { send, say } = hooked();
    await send(CONNECT, true);
    await say('hello');
    const closed = await send({ type: 'event', val: 'SESSION_CLOSURE' });
    assert.equal(closed.status, 200, closed.text);
    const [item] = closed.body.data;
    assert.deepEqual([item.type, item.val, item.eventType], ['event', 'SESSION_CLOSURE', 'SESSION_CLOSURE_SUCCESS']);
  });

  test('the token of the documents: the client id as appId, and whose it is as userIdentity', async () => {
    const sub = `user-${randomUUID().slice(0, 8)}`;
    const claims = {
      appId: play.app.clientId,
      sub: randomUUID(),
      userIdentity: sub,
      iat: Math.floor(Date.now() / 1000),
    };
    const token = sign(claims, play.app.clientSecret);
    const answered = await play.app.http.call('POST', path(), {
      token,
      body: body(sub, { type: 'text', val: 'hello' }, true),
    });
    assert.equal(answered.status, 200, answered.text);
    assert.ok(said(answered).includes('echo: hello'), answered.text);
    // It speaks for nobody else.
    const foreign = await play.app.http.call('POST', path(), {
      token,
      body: body('somebody-else', { type: 'text', val: 'x' }),
    });
    assert.ok([400, 401, 403].includes(foreign.status), foreign.text);
  });

  test("refusals have the form of Kore's errors", async () => {
    const { sub, token } = hooked();
    const call = (options, to = path()) => play.app.http.call('POST', to, options);
    const refusals = [
      [401, await call({ body: body(sub, CONNECT, true) })],
      [401, await call({ token: 'nonsense', body: body(sub, CONNECT, true) })],
      [
        401,
        await call({
          token: play.app.assertion(sub, {}, { key: 'another secret altogether' }),
          body: body(sub, CONNECT, true),
        }),
      ],
      [400, await call({ token, body: '{"message":' })],
      [
        404,
        await call(
          { token, body: body(sub, CONNECT, true) },
          '/chatbot/v2/webhook/st-00000000-0000-5000-8000-000000000000',
        ),
      ],
    ];
    for (const [status, answer] of refusals) {
      assert.equal(answer.status, status, answer.text);
      assert.equal(typeof answer.body.errors[0].msg, 'string', answer.text);
    }
  });
});

describe("the web SDK's window in webhook mode", () => {
  test('it is welcomed, talks, and shows what was said when it comes back', async (t) => {
    const user = `user-${randomUUID().slice(0, 8)}`;
    const open = async () => {
      const botOptions = {
        webhookConfig: { enable: true, webhookURL: `${play.maru.url}/chatbot/hooks/${play.app.botId}`, apiVersion: 2 },
      };
      const shown = await KoreWindow.open(play.app, { user, botOptions });
      t.after(() => shown.close());
      return shown;
    };
    const first = await open();
    await first.shows(`welcome ${user}`);
    first.type('hello');
    await first.shows('hello', 'echo: hello');
    const second = await open();
    await until('what was said', () => second.texts.includes('echo: hello') && second.texts.includes('hello'), {
      shown: () => second.texts,
    });
  });
});

describe('the key of a page', () => {
  test('it begins with the key alone, and is its own visitor', async () => {
    const { secret: apiKey } = await play.maru.cli('secret', 'rotate', play.app.channel, '--key', 'api');
    const begin = (fields) => play.app.http.call('POST', '/api/platform/websdk', { body: new URLSearchParams(fields) });
    const begun = await begin({ apiKey });
    assert.equal(begun.status, 200, begun.text);
    assert.equal(begun.body.botInfo._id, play.app.botId);
    const granted = await play.app.grant(begun.body.jwt);
    assert.equal(granted.status, 200, granted.text);
    const named = await begin({ apiKey, ity: 'ara' });
    assert.equal(named.body.ity, 'ara');
    // Whoever is named by a page alone is not who comes with a signature.
    const vouched = await play.app.grant(play.app.assertion('ara'));
    const declared = await play.app.grant(named.body.jwt);
    assert.notEqual(declared.body.userInfo.userId, vouched.body.userInfo.userId);
    assert.equal((await begin({ apiKey: 'wrong' })).status, 401);
    await play.maru.cli('secret', 'revoke', play.app.channel, '--key', 'api');
    await until('the key to be worthless', async () => (await begin({ apiKey })).status === 401);
  });

  test("the web SDK's window begins so, without an issuer", async (t) => {
    const { secret: KEY } = await play.maru.cli('secret', 'rotate', play.app.channel, '--key', 'api');
    const API_KEY_CONFIG = { KEY, bootstrapURL: `${play.maru.url}/api/platform/websdk` };
    const shown = await KoreWindow.open(play.app, { botOptions: { API_KEY_CONFIG, clientId: '', clientSecret: '' } });
    t.after(() => shown.close());
    await until('the welcome', () => shown.texts.some((text) => text.startsWith('welcome ')));
    shown.type('hello');
    await shown.shows('hello', 'echo: hello');
  });
});
