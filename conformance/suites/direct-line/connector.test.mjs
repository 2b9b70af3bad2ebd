// The bot's side by hand: what Maru posts to a Bot Framework bot, and every call that the bot may make in return.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { Recorder } from '../../lib/recorder.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const user = { id: 'user-1', name: 'Ara' };
const play = stage({ bot: () => Recorder.start() });
const text = (words) => (activity) => activity.text === words;
const message = (words, more = {}) => ({ type: 'message', from: user, text: words, ...more });

/** A conversation and its bot's way back: `{ id, first, call }`. `first` is the first thing the bot was sent. */
async function talk(body = { user }) {
  const { conversationId: id } = (await play.rest.start(body)).body;
  const first = await play.bot.sent(id, ({ type }) => type === 'conversationUpdate');
  return { id, first, call: caller(first.activity.serviceUrl) };
}

/** Calls below a service URL, as the SDKs make them. */
function caller(serviceUrl) {
  return async (method, path, body, headers = {}) => {
    const answer = await fetch(`${serviceUrl.replace(/\/$/, '')}${path}`, {
      method,
      headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      body: body && JSON.stringify(body),
    });
    const raw = await answer.text();
    return { status: answer.status, text: raw, body: raw ? JSON.parse(raw) : undefined };
  };
}

const fromBot = (words) => ({ type: 'message', from: { id: 'bot', name: 'Bot' }, text: words });
const texts = async (id) => (await play.rest.history(id)).filter(({ type }) => type === 'message').map((said) => said.text);

describe('what a bot is sent', () => {
  test('a known user and the bot join at once', async () => {
    const { id, first } = await talk({ user, locale: 'ko-KR' });
    const { activity, headers, method, path } = first;
    assert.equal(`${method} ${path}`, 'POST /api/messages');
    assert.match(headers['content-type'], /^application\/json/);
    assert.equal(headers.authorization, undefined);
    const joined = activity.membersAdded.map((member) => member.id);
    assert.ok(joined.includes(user.id) && joined.includes(activity.recipient.id), joined.join());
    assert.equal(activity.locale, 'ko-KR');
    assert.ok(!/\|\d{7}$/.test(activity.id), 'it has a place in the log that clients see');
    assert.equal(play.bot.of(id).length, 1);
  });

  test('a user who is not known yet joins before the first word', async () => {
    const { conversationId: id } = (await play.rest.start()).body;
    const opening = await play.bot.sent(id, ({ type }) => type === 'conversationUpdate');
    assert.deepEqual(opening.activity.membersAdded.map((member) => member.id), [opening.activity.recipient.id]);
    await play.rest.post(id, message('hello'));
    await play.bot.sent(id, text('hello'));
    const kinds = play.bot.of(id).map(({ activity }) => activity.type);
    assert.deepEqual(kinds, ['conversationUpdate', 'conversationUpdate', 'message']);
    assert.deepEqual(play.bot.of(id)[1].activity.membersAdded.map((member) => member.id), [user.id]);
  });

  test('an envelope that every SDK accepts, around what the client sent', async () => {
    const { id } = await talk();
    const odd = '{"big":12345678901234567890,"one":1.0}';
    const posted = await play.rest.call('POST', `/conversations/${id}/activities`, {
      body: `{"type":"message","from":{"id":"user-1","name":"Ara"},"text":"odd","channelId":"webchat",`
        + `"recipient":{"id":"x"},"serviceUrl":"http://evil.example/","localTimestamp":"2020-01-01T09:00:00.000+09:00","channelData":${odd}}`,
    });
    const { activity, text: raw } = await play.bot.sent(id, text('odd'));
    assert.equal(activity.id, posted.body.id);
    assert.equal(activity.channelId, 'directline');
    assert.equal(activity.conversation.id, id);
    assert.deepEqual({ id: activity.from.id, name: activity.from.name }, user);
    assert.ok(activity.recipient.id && activity.recipient.id !== 'x');
    assert.ok(!Number.isNaN(Date.parse(activity.timestamp)));
    assert.equal(new URL(activity.serviceUrl).host, new URL(play.maru.url).host);
    assert.equal(activity.localTimestamp, '2020-01-01T09:00:00.000+09:00');
    assert.ok(raw.includes(odd), raw);
  });

  test('any status of the 200s is an acknowledgement, and turns come one after the other', async () => {
    const { id } = await talk();
    for (const status of [200, 201, 202, 204]) {
      play.bot.answer = () => ({ status });
      await play.rest.post(id, message(`status ${status}`));
      await play.bot.sent(id, text(`status ${status}`));
    }
    play.bot.answer = () => ({ status: 200 });
    await play.rest.post(id, message('last'));
    await play.bot.sent(id, text('last'));
    const sent = play.bot.of(id).map(({ activity }) => activity.text).filter(Boolean);
    assert.deepEqual(sent, ['status 200', 'status 201', 'status 202', 'status 204', 'last']);
  });

  test('what stands in the answer to expectReplies is said', async (t) => {
    t.after(() => (play.bot.answer = () => ({ status: 200 })));
    const { id } = await talk();
    play.bot.answer = () => ({ status: 200, body: { activities: [fromBot('one'), fromBot('two')] } });
    await play.rest.post(id, message('all at once', { deliveryMode: 'expectReplies' }));
    await until('both answers', async () => (await texts(id)).length === 3);
    assert.deepEqual(await texts(id), ['all at once', 'one', 'two']);
  });

  test('a bot that fails is tried again with the same activity', async (t) => {
    t.after(() => (play.bot.answer = () => ({ status: 200 })));
    const { id } = await talk();
    let failures = 0;
    play.bot.answer = () => (failures++ < 1 ? { status: 500 } : { status: 200 });
    const posted = await play.rest.post(id, message('again'));
    assert.equal(posted.status, 200);
    const tries = () => play.bot.of(id).filter(({ activity }) => activity.text === 'again');
    await until('a second try', () => tries().length === 2);
    assert.deepEqual(tries().map(({ activity }) => activity.id), [posted.body.id, posted.body.id]);
  });
});

describe('what a bot may do', () => {
  test('send and reply, and a slash too many does no harm', async () => {
    const { id, call } = await talk();
    const sent = await call('POST', `/v3/conversations/${id}/activities`, fromBot('sent'));
    assert.ok(sent.status >= 200 && sent.status < 203, sent.text);
    assert.equal(sent.body.id, `${id}|0000000`);
    const escaped = encodeURIComponent(sent.body.id);
    const replied = await call('POST', `/v3/conversations/${id}/activities/${escaped}`, fromBot('reply'));
    assert.equal(replied.body.id, `${id}|0000001`);
    const doubled = await call('POST', `//v3/conversations/${id}//activities`, fromBot('slashes'));
    assert.equal(doubled.body.id, `${id}|0000002`);
    const [said] = await play.rest.history(id);
    assert.equal(said.from.id, 'bot');
    assert.equal(said.from.name, 'Bot');
    assert.equal(said.from.role, 'bot');
    assert.deepEqual(await texts(id), ['sent', 'reply', 'slashes']);
  });

  test('a send that it repeats under one request id is one message', async () => {
    const { id, call } = await talk();
    const headers = { 'x-ms-client-request-id': randomUUID() };
    const [a, b] = [
      await call('POST', `/v3/conversations/${id}/activities`, fromBot('once'), headers),
      await call('POST', `/v3/conversations/${id}/activities`, fromBot('once'), headers),
    ];
    assert.equal(a.body.id, b.body.id);
    assert.deepEqual(await texts(id), ['once']);
  });

  test('update and delete, with the pipe of an id escaped or not', async () => {
    const { id, call } = await talk();
    const { body } = await call('POST', `/v3/conversations/${id}/activities`, fromBot('before'));
    for (const [activity, words] of [[encodeURIComponent(body.id), 'after'], [body.id, 'later']]) {
      const updated = await call('PUT', `/v3/conversations/${id}/activities/${activity}`, fromBot(words));
      assert.ok(updated.status >= 200 && updated.status < 203, updated.text);
      assert.equal(updated.body.id, body.id);
      assert.deepEqual(await texts(id), [words]);
    }
    const deleted = await call('DELETE', `/v3/conversations/${id}/activities/${body.id}`);
    assert.ok(deleted.status >= 200 && deleted.status < 205, deleted.text);
    assert.deepEqual(await texts(id), []);
  });

  test('ask who is there', async () => {
    const { id, call } = await talk();
    await call('POST', `/v3/conversations/${id}/activities`, fromBot('hello'));
    const members = await call('GET', `/v3/conversations/${id}/members`);
    assert.ok(members.body.some((member) => member.id === user.id), members.text);
    const one = await call('GET', `/v3/conversations/${id}/members/${user.id}`);
    assert.equal(one.body.id, user.id);
    assert.equal((await call('GET', `/v3/conversations/${id}/members/nobody`)).status, 404);
    const paged = await call('GET', `/v3/conversations/${id}/pagedmembers?pageSize=50`);
    assert.ok(paged.body.members.some((member) => member.id === user.id), paged.text);
    const of = await call('GET', `/v3/conversations/${id}/activities/${encodeURIComponent(`${id}|0000000`)}/members`);
    assert.ok(Array.isArray(of.body), of.text);
  });

  test('open a conversation with a user it knows, who is reached where they are', async () => {
    const { id, first, call } = await talk({ user: { id: 'user-2' } });
    const open = (member) => call('POST', '/v3/conversations', {
      isGroup: false, bot: first.activity.recipient, members: [{ id: member }], activity: fromBot('good morning'),
    });
    const opened = await open('user-2');
    assert.ok(opened.status === 200 || opened.status === 201, opened.text);
    assert.equal(opened.body.id, id);
    assert.equal(opened.body.activityId, `${id}|0000000`);
    assert.deepEqual(await texts(id), ['good morning']);
    assert.equal((await open('nobody')).status, 404);
  });

  test('hand in a history', async () => {
    const { id, call } = await talk();
    const handed = await call('POST', `/v3/conversations/${id}/activities/history`, {
      activities: [fromBot('long ago'), fromBot('yesterday')],
    });
    assert.ok(handed.status >= 200 && handed.status < 203, handed.text);
    assert.ok(handed.body.id);
    assert.deepEqual(await texts(id), ['long ago', 'yesterday']);
  });

  test('keep a file and send it', async () => {
    const { id, first, call } = await talk();
    const kept = await call('POST', `/v3/conversations/${id}/attachments`, {
      type: 'text/plain', name: 'tree.txt', originalBase64: Buffer.from('oak').toString('base64'),
    });
    assert.ok(kept.status === 200 || kept.status === 201, kept.text);
    const about = await call('GET', `/v3/attachments/${kept.body.id}`);
    assert.equal(about.body.name, 'tree.txt');
    assert.equal(about.body.type, 'text/plain');
    assert.deepEqual(about.body.views.map(({ viewId, size }) => [viewId, size]), [['original', 3]]);
    const view = `${first.activity.serviceUrl.replace(/\/$/, '')}/v3/attachments/${kept.body.id}/views/original`;
    assert.equal(await (await fetch(view)).text(), 'oak');

    const attachments = [{ name: 'tree.txt', contentType: 'text/plain', contentUrl: view }];
    await call('POST', `/v3/conversations/${id}/activities`, { ...fromBot('a file'), attachments });
    const [said] = await play.rest.history(id);
    assert.equal(await (await fetch(said.attachments[0].contentUrl)).text(), 'oak');
    assert.notEqual(said.attachments[0].contentUrl, view, 'the bot\'s own address was shown to a client');
  });

  test('send traces, which nobody sees', async () => {
    const { id, call } = await talk();
    const trace = { type: 'trace', from: { id: 'bot' }, name: 'turn' };
    const traced = await call('POST', `/v3/conversations/${id}/activities`, trace);
    assert.ok(traced.status >= 200 && traced.status < 203 && traced.body.id, traced.text);
    await call('POST', `/v3/conversations/${id}/activities`, fromBot('seen'));
    assert.deepEqual((await play.rest.history(id)).map(({ type, id: at }) => [type, at]), [['message', `${id}|0000000`]]);
  });
});

describe('what a bot may not do', () => {
  test('speak where it does not belong', async () => {
    const { id, first, call } = await talk();
    const say = (called, conversation) => called('POST', `/v3/conversations/${conversation}/activities`, fromBot('hello?'));
    const nowhere = await say(call, 'nowhere0000000000000000');
    assert.equal(nowhere.status, 404);
    assert.equal(nowhere.body.error.code, 'BadArgument');

    // Another bot's conversation looks as if there were none.
    const foreign = (await play.rest.as(play.maru.secret).start({ user })).body.conversationId;
    assert.equal((await say(call, foreign)).status, 404);

    // Nor does it help to know the conversation without the bot's own address.
    const forged = first.activity.serviceUrl.replace(/[^/](?=\/?$)/, (last) => (last === 'x' ? 'y' : 'x'));
    for (const address of [forged, play.maru.url]) {
      const refused = await say(caller(address), id);
      assert.ok([401, 403, 404].includes(refused.status), refused.text);
    }
    assert.deepEqual(await texts(id), []);
  });
});

describe('secrets', () => {
  test('stay out of the log with every word that was said, and a bot\'s address away from clients', async () => {
    const { id, first, call } = await talk();
    const word = `canary${randomUUID()}`;
    const { token } = (await play.rest.start({ user })).body;
    await play.rest.as(token).refresh();
    await play.rest.post(id, message(word));
    await play.bot.sent(id, text(word));
    const { serviceUrl } = first.activity;
    const telling = { ...fromBot(word), serviceUrl, callerId: serviceUrl, recipient: user };
    await call('POST', `/v3/conversations/${id}/activities`, telling);

    const capability = new URL(serviceUrl).pathname.split('/').filter(Boolean).at(-1);
    assert.ok(capability.length >= 16, serviceUrl);
    const seen = JSON.stringify(await play.rest.history(id));
    assert.ok(seen.includes(word) && !seen.includes(capability));
    for (const secret of [capability, play.secret, play.secondSecret, token, word]) {
      assert.ok(!play.maru.log.includes(secret), 'it is in the log');
    }
  });
});
