// What the other generations of Kore's SDKs send, as it was recorded from them or stands in their source: their clients
// are not on npm, so their frames are played by hand. One user, one bot, and each generation's own habits.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { TIME, textOf } from '../../lib/kore/app.mjs';
import { bracketed } from '../../lib/kore/http.mjs';
import { RtmSocket, frameText, template } from '../../lib/kore/socket.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { until } from '../../lib/wait.mjs';

const play = koreStage({ bot: 'js-botbuilder', settings: { anonymous: true, development_issuer: true } });

const newUser = () => `user-${randomUUID().slice(0, 8)}`;

/** Opens the socket of a start's answer. */
const follow = async (url, options) =>
  play.guest(await RtmSocket.open(url, { botInfo: play.app.botInfo(), ...options }));

describe('version 1 of the web SDK', () => {
  test('the sample page: the development issuer by a form, then grant and start without 1.1', async () => {
    const sub = newUser();
    const form = new URLSearchParams({
      clientId: play.app.clientId,
      clientSecret: play.app.clientSecret,
      identity: sub,
      aud: '',
      isAnonymous: 'false',
    });
    for (const path of ['/api/users/sts', '/api/users/sts/']) {
      const issued = await play.app.http.call('POST', path, { body: form });
      assert.equal(issued.status, 200, issued.text);
      const granted = await play.app.grant(issued.body.jwt);
      assert.equal(granted.status, 200, granted.text);
      assert.equal(granted.body.userInfo.identity, `${play.app.clientId}/${sub}`);
    }
  });

  test('its test mode: a grant by word alone, and the stray token in every body', async () => {
    const subject = randomUUID();
    const granted = await play.app.http.call('POST', '/api/oAuth/token/jwtgrant/anonymous', {
      body: { assertion: { issuer: play.app.clientId, subject }, botInfo: play.app.botInfo(), token: {} },
    });
    assert.equal(granted.status, 200, granted.text);
    const started = await play.app.start(granted.body.authorization.accessToken);
    const socket = await follow(started.body.url);
    await socket.say('hello');
    await socket.heard('echo: hello');
  });

  test('history forward of a message, and back from one', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    await socket.heard(`welcome ${user.sub}`);
    for (const text of ['one', 'two', 'three']) {
      await socket.say(text);
      await socket.heard(`echo: ${text}`);
    }
    const all = await user.log();
    const page = async (query) => (await play.app.history(user.token, query)).body.messages.map(textOf);
    const middle = all[3]._id;
    assert.deepEqual(await page({ limit: 2, msgId: middle }), all.slice(1, 3).map(textOf));
    assert.deepEqual(await page({ limit: 2, forward: true, msgId: middle }), all.slice(4, 6).map(textOf));
    assert.deepEqual(await page({ limit: 2, forward: true }), all.slice(-2).map(textOf));
    assert.deepEqual(await page({ limit: 2, direction: 0, offset: 2 }), all.slice(-4, -2).map(textOf));
  });
});

describe('version 3 of the web SDK', () => {
  const botInfo = () =>
    play.app.botInfo({
      uiVersion: 'v3',
      customData: { plan: 'gold' },
      metaTags: { sessionLevelTags: [{ name: 'page', value: 'tea' }] },
      tenanturl: 'tenant',
    });

  test('it is shown a theme, or it would show nothing at all', async () => {
    const user = await play.app.user();
    const answer = await play.app.http.call('GET', `/api/websdkthemes/${play.app.botId}/activetheme`, {
      token: user.token,
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.activeTheme, true);
    const stranger = await play.app.http.call('GET', `/api/websdkthemes/${play.app.botId}/activetheme`, {
      token: 'nobody',
    });
    assert.equal(stranger.status, 401);
    assert.deepEqual(stranger.body.errors, [{ msg: 'token expired', code: 'TOKEN_EXPIRED' }]);
  });

  test("a theme of the app's own is handed on as it is", async () => {
    const theme = { v3: { general: { bot_icon: 'https://bot.example/a.png' }, footer: { style: 'classic' } } };
    const app = await play.addApp({ settings: { theme } });
    const user = await app.user();
    const answer = await app.http.call('GET', `/api/websdkthemes/${app.botId}/activetheme`, { token: user.token });
    assert.equal(answer.body.activeTheme, true);
    assert.deepEqual(answer.body.v3, theme.v3);
  });

  test('x-rtm-v and a language in the start: no nonce is offered, and the language is confirmed', async () => {
    const user = await play.app.user();
    const started = await play.app.start(user.token, {
      headers: { 'x-rtm-v': '1' },
      botInfo: botInfo(),
      language: 'ko',
    });
    assert.equal(started.status, 200, started.text);
    assert.equal(started.body.nonce, undefined);
    const socket = await follow(started.body.url, { botInfo: botInfo() });
    const language = await socket.hear('the language', ({ type }) => type === 'initial_language');
    assert.equal(language.langDetails.language, 'ko');
    await socket.say('hello');
    const answer = await socket.heard('echo: hello');
    assert.deepEqual(answer.botInfo, botInfo(), 'botInfo comes back as it was sent');
  });

  test('three pages of ten over 25 messages, newest first, each in order', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    await socket.heard(`welcome ${user.sub}`);
    await socket.say('many 23');
    await socket.heard('answer 23 of 23');
    const seen = [];
    for (let offset = 0; ; offset += 10) {
      const { body } = await play.app.history(user.token, { limit: 10, ...(offset ? { offset } : {}) });
      assert.equal(body.total, 25);
      seen.unshift(...body.messages);
      if (!body.moreAvailable) break;
      assert.equal(body.messages.length, 10);
    }
    const expected = [
      `welcome ${user.sub}`,
      'many 23',
      ...Array.from({ length: 23 }, (_, n) => `answer ${n + 1} of 23`),
    ];
    assert.deepEqual(seen.map(textOf), expected);
    assert.ok(
      seen.every(({ tags }) => tags),
      'React Native fails without tags',
    );
  });

  test('a press: the payload to the bot, the label to people, and both in the history', async () => {
    const user = await play.app.user();
    const [here, there] = [await play.connect(user), await play.connect(user)];
    await here.say('card');
    const card = await here.heard((frame) => JSON.stringify(template(frame) ?? {}).includes('tea'));
    assert.ok(template(card).template_type, 'a template is wrapped twice');
    await here.say({ body: 'tea', renderMsg: 'Tea' });
    await here.heard('echo: tea');
    const shown = await there.hear(
      'the press in the other window',
      ({ type, message }) => type === 'user_message' && message.renderMsg,
    );
    assert.deepEqual([shown.message.body, shown.message.renderMsg], ['tea', 'Tea']);
    const log = await user.log();
    const pressed = log.find((message) => message.type === 'incoming' && textOf(message) === 'tea');
    assert.equal(pressed.tags.altText[0].value, 'Tea');
    const asked = log.find((message) => message.type === 'outgoing' && textOf(message).includes('template_type'));
    const { type, payload } = JSON.parse(textOf(asked));
    assert.equal(type, 'template');
    assert.ok(payload.template_type, 'the history holds the outer of the two wrappers, as JSON text');
  });

  test('a resend under the same clientMessageId, then as a text, is one message', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    const frame = await socket.say('only once');
    await socket.heard('echo: only once');
    const again = { ...frame, clientMessageId: String(frame.clientMessageId), id: String(frame.id) };
    socket.send(again);
    await socket.acknowledged(again.id);
    await socket.say('next');
    await socket.heard('echo: next');
    assert.equal(socket.said.filter((text) => text === 'echo: only once').length, 1);
    assert.equal((await user.log()).map(textOf).filter((text) => text === 'only once').length, 1);
  });

  test('its ping has a resourceid, and no bot answers it', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    await socket.heard(`welcome ${user.sub}`);
    socket.send({ type: 'ping', resourceid: '/bot.message', botInfo: botInfo(), client: 'sdk', meta: {}, id: 3 });
    await socket.hear('a pong', ({ type }) => type === 'pong');
    socket.send({ ...socket.envelope({ body: '', type: '' }), event: 'typing' });
    socket.send({ ...socket.envelope({}), event: 'message_read', messageId: 'ms-1' });
    socket.send({ type: 'something-of-next-year', id: 9 });
    socket.send({ resourceid: '/bot.somethingElse', id: 10, message: { body: 'x' } });
    await socket.say('hello');
    await socket.heard('echo: hello');
    assert.deepEqual(socket.said, [`welcome ${user.sub}`, 'echo: hello']);
  });

  test('a streamed answer comes in pieces to whoever can show them, and whole to others', async () => {
    const user = await play.app.user();
    const streaming = await follow(await user.socketUrl({ botInfo: botInfo() }), { botInfo: botInfo() });
    const plain = await play.connect(user);
    await streaming.say('stream one two three');
    const last = await streaming.heard((frame) => frame.endChunk === true);
    const pieces = streaming.answers.filter(({ messageId, sM }) => sM && messageId === last.messageId);
    assert.ok(pieces.length > 1, `${pieces.length} pieces`);
    assert.equal(pieces.map(frameText).join(''), 'one two three');
    await plain.heard('one two three');
    assert.ok(plain.answers.every(({ sM }) => sM === undefined));
    assert.equal((await user.log()).filter((message) => textOf(message) === 'one two three').length, 1);
  });
});

describe('iOS', () => {
  test('bodies as bracketed forms, JSON in binary frames, ids that are texts', async () => {
    const sub = newUser();
    const botInfo = { ...play.app.botInfo(), customData: { tier: 'gold', beta: true }, tags: ['a', 'b'] };
    const granted = await play.app.http.call('POST', '/api/1.1/oAuth/token/jwtgrant', {
      body: bracketed({ assertion: play.app.assertion(sub), botInfo }),
    });
    assert.equal(granted.status, 200, granted.text);
    const { token_type: type, accessToken } = granted.body.authorization;
    const header = `${type} ${accessToken}`;
    // Before it has a socket it looks for the last message.
    const history = await play.app.http.call(
      'GET',
      `/api/1.1/botmessages/rtm?botId=${play.app.botId}&direction=0&limit=1&offset=0`,
      { headers: { authorization: header } },
    );
    assert.equal(history.status, 200, history.text);
    assert.deepEqual(history.body.messages, []);
    const started = await play.app.http.call('POST', '/api/1.1/rtm/start', {
      headers: { authorization: header },
      body: bracketed({ botInfo, authorization: header }),
    });
    assert.equal(started.status, 200, started.text);
    const socket = await follow(started.body.url, { client: 'iOS' });
    assert.equal(
      await socket.hear('ready', ({ type }) => type === 'ready'),
      socket.frames[0],
      'ready is the first frame',
    );

    const id = `${randomUUID().toUpperCase()}-1795270000.123`;
    const frame = { ...socket.envelope({ body: 'hello' }), clientMessageId: id, id };
    socket.send(Buffer.from(JSON.stringify(frame, null, 2)));
    const ack = await socket.acknowledged(id);
    assert.equal(typeof ack.replyto, 'string');
    const answer = await socket.heard('echo: hello');
    assert.ok(answer.message[0].component, 'it shows nothing without a component');
    assert.match(answer.createdOn, TIME);
    socket.send({ resourceid: '/bot.clientEvent', message: { body: 'ZENDESK_AGENT_READY' }, botInfo, id: 'event-1' });
    await socket.say('after the event');
    await socket.heard('echo: after the event');
  });

  test('unsubscribing from push is a DELETE, and nothing is sent', async () => {
    const user = await play.app.user();
    const path = `/api/users/${user.id}/sdknotifications`;
    const body = { osType: 'ios', deviceId: 'device-1' };
    assert.equal((await play.app.http.call('POST', `${path}/subscribe`, { token: user.token, body })).status, 200);
    assert.equal((await play.app.http.call('DELETE', `${path}/unsubscribe`, { token: user.token, body })).status, 200);
  });
});

describe('Android', () => {
  test('texts for ids, an ack that it can read, and a new socket by grant and start', async () => {
    const assertion = play.app.assertion(newUser());
    const botInfo = { ...play.app.botInfo(), channelClient: 'Android' };
    const grant = () => play.app.http.call('POST', '/api/oAuth/token/jwtgrant', { body: { assertion, botInfo } });
    const first = await grant();
    assert.equal(first.status, 200, first.text);
    const start = (query = '') =>
      play.app.http.call('POST', `/api/rtm/start${query}`, {
        token: first.body.authorization.accessToken,
        body: { botInfo },
      });
    const socket = await follow((await start()).body.url, { client: 'Android', acks: false });
    const id = '1795270000123';
    socket.send({ ...socket.envelope({ body: 'hello' }), clientMessageId: id, id });
    const ack = await socket.acknowledged(id);
    assert.equal(ack.message, undefined, 'its model of an ack has an array there, and a text is an exception');
    assert.equal(ack.ok, true);
    const answer = await socket.heard('echo: hello');
    assert.match(answer.createdOn, TIME);
    // It acknowledges with texts.
    socket.send({
      clientMessageId: String(answer.timestamp),
      type: 'ack',
      replyto: String(answer.timestamp),
      status: 'delivered',
      key: answer.key,
      id: String(answer.timestamp),
    });
    socket.drop();
    // The same assertion again: the cloud takes it, too, as long as it has no jti.
    assert.equal((await grant()).status, 200);
    const back = await follow(`${(await start('?isReconnect=true')).body.url}&isReconnect=true`, { client: 'Android' });
    await back.say('again');
    await back.heard('echo: again');
    assert.deepEqual(back.said, ['echo: again'], 'what it acknowledged came again, or it was welcomed again');
  });

  test("its issuer call is JSON with headers of a token, and one with the user's own token", async () => {
    const sub = newUser();
    const issued = await play.app.http.call('POST', '/api/users/sts', {
      headers: { alg: 'RS256', typ: 'JWT' },
      body: {
        clientId: play.app.clientId,
        clientSecret: play.app.clientSecret,
        identity: sub,
        aud: 'https://idproxy.kore.com/authorize',
        isAnonymous: false,
      },
    });
    assert.equal(issued.status, 200, issued.text);
    const granted = await play.app.grant(issued.body.jwt);
    const withAuth = await play.app.http.call('POST', '/api/1.1/users/jwttoken', {
      token: granted.body.authorization.accessToken,
      body: {},
    });
    assert.equal(withAuth.status, 200, withAuth.text);
    assert.ok(withAuth.body.jwt && withAuth.body.botName && withAuth.body.streamId === play.app.botId);
    const again = await play.app.grant(withAuth.body.jwt);
    assert.equal(again.body.userInfo.identity, `${play.app.clientId}/${sub}`);
  });

  test('push registration, and its end by an overridden method', async () => {
    const user = await play.app.user();
    const path = `/api/users/${user.id}/sdknotifications`;
    const body = { osType: 'android', deviceId: 'device-1' };
    assert.equal((await play.app.http.call('POST', `${path}/subscribe`, { token: user.token, body })).status, 200);
    const headers = { 'x-http-method-override': 'DELETE' };
    assert.equal(
      (await play.app.http.call('POST', `${path}/unsubscribe`, { token: user.token, body, headers })).status,
      200,
    );
  });
});

describe('React Native', () => {
  test('a grant without token, a bare ping, and history forward', async () => {
    const sub = newUser();
    const botInfo = { ...play.app.botInfo(), customData: { identity: '', userName: '' }, channelClient: 'android' };
    const granted = await play.app.http.call('POST', '/api/oAuth/token/jwtgrant', {
      body: { assertion: play.app.assertion(sub), botInfo },
    });
    assert.equal(granted.status, 200, granted.text);
    const { token_type: type, accessToken } = granted.body.authorization;
    const headers = { authorization: `${type} ${accessToken}` };
    const started = await play.app.http.call('POST', '/api/rtm/start', { headers, body: { botInfo } });
    const socket = await follow(started.body.url);
    socket.send('{"type":"ping"}');
    await socket.hear('a pong', ({ type }) => type === 'pong');
    await socket.say('hello');
    await socket.heard('echo: hello');
    const path = `/api/1.1/botmessages/rtm?botId=${play.app.botId}&limit=10&offset=0&forward=true`;
    const page = await until('three messages', async () => {
      const { body } = await play.app.http.call('GET', path, { headers });
      return body.messages.length === 3 && body;
    });
    assert.deepEqual(page.messages.map(textOf), [`welcome ${sub}`, 'hello', 'echo: hello']);
    assert.ok(page.messages.every(({ components, tags }) => typeof components[0].data.text === 'string' && tags));
    // What makes it ask for a new token.
    assert.equal((await play.app.start('gone')).status, 401);
  });
});

describe('any of them', () => {
  test('both paths, with 1.1 and without, and with slashes doubled', async () => {
    const assertion = play.app.assertion(newUser());
    for (const base of ['/api', '/api/1.1', '/api//1.1', '//api']) {
      const granted = await play.app.grant(assertion, { path: `${base}/oAuth/token/jwtgrant` });
      assert.equal(granted.status, 200, `${base}: ${granted.text}`);
      const token = granted.body.authorization.accessToken;
      const started = await play.app.start(token, { path: `${base}/rtm/start` });
      assert.equal(started.status, 200, `${base}: ${started.text}`);
      assert.equal((await play.app.history(token, {}, `${base}/botmessages/rtm`)).status, 200, base);
    }
  });

  test('ConnectionMode: a session goes on, is begun anew, or is joined; the welcome says which', async () => {
    const user = await play.app.user();
    const welcome = `welcome ${user.sub}`;
    const said = async (query) => {
      const socket = await play.connect(user, { query });
      await socket.say('here');
      await socket.heard('echo: here');
      socket.close();
      await socket.ended();
      return socket.said.includes(welcome);
    };
    // The first of all, even where the client thinks that it comes back.
    assert.equal(await said('&isReconnect=true'), true);
    assert.equal(await said('&isReconnect=true'), false);
    assert.equal(await said('&ConnectionMode=Default'), false);
    assert.equal(await said('&ConnectionMode=Start_New'), true);
    assert.equal(await said('&ConnectionMode=Reconnect&isReconnect=true'), false);
    // Without a word it is a new one, too; but a page that connects twice in one breath is welcomed once.
    await until('a new session', () => said(''));
    assert.equal(await said('&ConnectionMode=Reconnect'), false);
  });

  test('a session that was closed by its user is over, and the next one is welcomed', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    await socket.heard(`welcome ${user.sub}`);
    socket.send({
      clientMessageId: 7,
      resourceid: '/bot.closeConversationSession',
      botInfo: play.app.botInfo(),
      client: 'sdk',
      id: 7,
    });
    await socket.hear('the end of the session', ({ type }) => type === 'Session_End');
    socket.close();
    const next = await play.connect(user, { query: '&ConnectionMode=Default' });
    await next.heard(`welcome ${user.sub}`);
  });

  test('the first frames: ready, then which session it is', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    const active = await socket.hear('Bot_Active', ({ type }) => type === 'Bot_Active');
    assert.equal(socket.frames[0].type, 'ready');
    assert.match(active.sessionId, /^[0-9a-f]{24}$/);
    assert.equal(active.from, 'bot');
    const session = await socket.hear('Session_Start', ({ type }) => type === 'Session_Start');
    assert.equal(session.sessionId, active.sessionId);
  });
});
