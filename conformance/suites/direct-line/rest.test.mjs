// Direct Line by hand: the shapes on the wire, call by call.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import WebSocket from 'ws';

import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const play = stage({ bot: 'js-botbuilder' });

const user = { id: 'user-1', name: 'Ara' };
const message = (text, more = {}) => ({ type: 'message', from: user, text, ...more });
const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

/** A new conversation, started with the secret. */
async function conversation(body = { user }) {
  const started = await play.rest.start(body);
  assert.equal(started.status, 201, started.text);
  return started.body.conversationId;
}

/** Waits until the bot has said `text`. */
function answered(id, text) {
  return until(`the bot to say ${text}`, async () => (await play.rest.history(id)).find((said) => said.text === text));
}

/** Opens a stream: `{ frames, activities(), close() }`, or the status with which it was refused. */
function openStream(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const frames = [];
    socket.on('message', (data, isBinary) => frames.push({ text: String(data), isBinary }));
    socket.once('open', () => resolve({
      socket,
      frames,
      activities: () => frames.filter(({ text }) => text).flatMap(({ text }) => JSON.parse(text).activities),
      close: () => socket.close(),
    }));
    socket.once('unexpected-response', (_, response) => {
      response.resume();
      resolve({ refused: response.statusCode });
    });
    socket.once('error', reject);
  });
}

function assertError(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(typeof answer.body?.error?.code, 'string', answer.text);
  assert.equal(typeof answer.body.error.message, 'string');
  if (code) assert.equal(answer.body.error.code, code);
}

describe('start and tokens', () => {
  test('a start is 201 with everything a client needs, and 200 when it was done before', async () => {
    const first = await play.rest.start({ user });
    assert.equal(first.status, 201);
    const { conversationId, token, expires_in, streamUrl } = first.body;
    assert.match(conversationId, /^[0-9A-Za-z_-]{16,}$/);
    assert.ok(Number.isInteger(expires_in) && expires_in >= 900);
    assert.equal(claims(token).user, user.id);
    assert.equal(new URL(streamUrl).protocol, 'ws:');
    assert.equal(new URL(streamUrl).host, new URL(play.maru.url).host);

    const again = await play.rest.as(token).start();
    assert.equal(again.status, 200);
    assert.equal(again.body.conversationId, conversationId);
    assert.ok(again.body.token && again.body.streamUrl);
  });

  test('a token is bound to its conversation before that is started', async () => {
    const given = await play.rest.generate();
    assert.equal(given.status, 200);
    assert.deepEqual(Object.keys(given.body).sort(), ['conversationId', 'expires_in', 'token']);
    const started = await play.rest.as(given.body.token).start({ user });
    assert.equal(started.status, 201);
    assert.equal(started.body.conversationId, given.body.conversationId);
  });

  test('names in a token body are matched in any case, and a locale of a wrong type is ignored', async () => {
    const docs = await play.rest.generate({ User: { Id: 'dl_a', Name: 'A' }, TrustedOrigins: [] });
    assert.equal(claims(docs.body.token).user, 'dl_a');
    assert.equal((await play.rest.start({ user, locale: { odd: true } })).status, 201);
  });

  test('a body may be absent, empty, or without a content type', async () => {
    assert.equal((await play.rest.call('POST', '/conversations')).status, 201);
    assert.equal((await play.rest.call('POST', '/conversations', { body: '' })).status, 201);
    const bytes = new TextEncoder().encode('{"user":{"id":"dl_b"}}');
    const bare = await play.rest.call('POST', '/tokens/generate', { body: bytes, headers: { 'Content-Type': '' } });
    assert.equal(bare.status, 200, bare.text);
    assert.equal(claims(bare.body.token).user, 'dl_b');
  });

  test('a refreshed token speaks for the same user in the same conversation', async () => {
    const given = await play.rest.generate({ user: { id: 'dl_c' } });
    const refreshed = await play.rest.as(given.body.token).refresh();
    assert.equal(refreshed.status, 200);
    assert.equal(refreshed.body.conversationId, given.body.conversationId);
    assert.equal(claims(refreshed.body.token).user, 'dl_c');
    assert.equal((await play.rest.as(refreshed.body.token).start()).status, 201);
  });

  test('both secrets of the site open it', async () => {
    assert.equal((await play.rest.as(play.secondSecret).start()).status, 201);
  });

  test('a reconnect gives a token and a stream from the watermark on', async () => {
    const id = await conversation();
    await play.rest.post(id, message('hello'));
    const back = await play.rest.reconnect(id, '');
    assert.equal(back.status, 200);
    assert.equal(back.body.conversationId, id);
    assert.ok(back.body.token);
    assert.ok(back.body.streamUrl.startsWith('ws://'));
  });

  test('a session id comes with a cookie', async () => {
    const session = await play.rest.as(undefined).call('GET', '/session/getsessionid');
    assert.equal(session.status, 200);
    assert.ok(session.body.sessionId.length > 0);
    assert.ok(session.headers.get('set-cookie'));
  });
});

describe('activities', () => {
  test('ids are dense from 0 over both sides, and a watermark is a text that leads on', async () => {
    const id = await conversation();
    await answered(id, `welcome ${user.id}`);
    const posted = await play.rest.post(id, message('one'));
    assert.equal(posted.status, 200);
    assert.equal(posted.body.id, `${id}|0000001`);
    await answered(id, 'echo: one');
    await play.rest.post(id, message('many 3'));
    await answered(id, 'answer 3 of 3');

    const first = await play.rest.activities(id);
    assert.equal(typeof first.body.watermark, 'string');
    const ids = first.body.activities.map((activity) => activity.id);
    assert.deepEqual(ids, ids.map((_, n) => `${id}|${String(n).padStart(7, '0')}`));

    const nothing = await play.rest.activities(id, first.body.watermark);
    assert.equal(nothing.status, 200);
    assert.deepEqual(nothing.body.activities, []);
    await play.rest.post(id, message('two'));
    const next = await play.rest.activities(id, first.body.watermark);
    assert.equal(next.body.activities[0].text, 'two');

    for (const start of ['', '-']) {
      assert.deepEqual((await play.rest.activities(id, start)).body.activities[0].id, ids[0]);
    }
  });

  test('what was sent comes out value for value, and what the server owns is its own', async () => {
    const id = await conversation();
    const odd = '{"int":12345678901234567890,"float":1.0,"exp":1e2,"nil":null,"text":"\\u0000\\u2028 \\ud83d\\ude00"}';
    const body = `{"type":"message","from":{"id":"user-1"},"text":"odd","id":"mine","timestamp":"2001-01-01T00:00:00Z",`
      + `"channelId":"webchat","serviceUrl":"http://evil.example/","localTimestamp":"2020-01-01T09:00:00.000+09:00",`
      + `"localTimezone":"Asia/Seoul","channelData":${odd},"x-unknown":[1.10,{"a":{}}]}`;
    const posted = await play.rest.call('POST', `/conversations/${id}/activities`, { body });
    assert.equal(posted.status, 200, posted.text);
    await answered(id, 'echo: odd');
    const { text } = await play.rest.activities(id);
    for (const part of ['12345678901234567890', '"float":1.0', '"exp":1e2', '"nil":null', '\\u0000\\u2028 \\ud83d\\ude00',
      '"x-unknown":[1.10,{"a":{}}]', '"localTimestamp":"2020-01-01T09:00:00.000+09:00"', '"localTimezone":"Asia/Seoul"']) {
      assert.ok(text.includes(part), `${part} is not in ${text}`);
    }
    const kept = JSON.parse(text).activities.find((activity) => activity.text === 'odd');
    assert.equal(kept.id, posted.body.id);
    assert.equal(kept.channelId, 'directline');
    assert.equal(kept.conversation.id, id);
    assert.match(kept.timestamp, /^20[2-9]\d-.*Z$/);
    assert.equal(kept.serviceUrl, undefined);
    assert.ok(!text.includes('/b/'), 'a bot\'s callback address reached a client');
  });

  test('a repeated clientActivityID is one activity', async () => {
    const id = await conversation();
    const once = message('once', { channelData: { clientActivityID: 'key-1' } });
    const first = await play.rest.post(id, once);
    const second = await play.rest.post(id, once);
    assert.equal(second.status, 200);
    assert.equal(second.body.id, first.body.id);
    const [a, b] = await Promise.all([1, 2].map(() =>
      play.rest.post(id, message('twice at once', { channelData: { clientActivityID: 'key-2' } }))));
    assert.equal(a.body.id, b.body.id);
    await answered(id, 'echo: twice at once');
    const said = (await play.rest.history(id)).filter(({ from }) => from.id === user.id).map(({ text }) => text);
    assert.deepEqual(said, ['once', 'twice at once']);
  });

  test('an invoke is answered with its id', async () => {
    const id = await conversation();
    const invoke = await play.rest.post(id, { type: 'invoke', name: 'sum', value: [1, 2], from: user });
    assert.equal(invoke.status, 200);
    assert.ok(invoke.body.id.startsWith(`${id}|`));
  });
});

describe('uploads', () => {
  const upload = (id, options) => play.rest.call('POST', `/conversations/${id}/upload?userId=${user.id}`, options);

  test('a form with an activity part that comes last', async () => {
    const id = await conversation();
    const form = new FormData();
    form.append('file', new Blob(['oak'], { type: 'text/plain' }), 'tree.txt');
    // Web Chat shows a user's own picture only by its thumbnail, which it puts into the activity part.
    const listed = { contentType: 'text/plain', name: 'tree.txt', thumbnailUrl: 'data:image/png;base64,AAAA' };
    const activity = { type: 'message', from: user, text: 'see', attachments: [listed] };
    form.append('activity', new Blob([JSON.stringify(activity)], { type: 'application/vnd.microsoft.activity' }), 'blob');
    const posted = await upload(id, { body: form });
    assert.equal(posted.status, 200, posted.text);
    await answered(id, 'got 1 files: tree.txt:3');
    const kept = (await play.rest.history(id)).find((said) => said.id === posted.body.id);
    assert.equal(kept.text, 'see');
    assert.equal(kept.attachments.length, 1);
    assert.equal(kept.attachments[0].thumbnailUrl, listed.thumbnailUrl);
    assert.equal(await (await fetch(kept.attachments[0].contentUrl)).text(), 'oak');
  });

  test('a form of files alone', async () => {
    const id = await conversation();
    const form = new FormData();
    form.append('file', new Blob(['oak'], { type: 'text/plain' }), 'tree.txt');
    assert.equal((await upload(id, { body: form })).status, 200);
    await answered(id, 'got 1 files: tree.txt:3');
  });

  test('a bare body', async () => {
    const id = await conversation();
    const posted = await upload(id, {
      body: new TextEncoder().encode('oak and pine'),
      headers: { 'Content-Type': 'text/plain', 'Content-Disposition': 'name="file"; filename="trees.txt"' },
    });
    assert.equal(posted.status, 200, posted.text);
    await answered(id, 'got 1 files: trees.txt:12');
    const kept = (await play.rest.history(id)).find((said) => said.id === posted.body.id);
    assert.equal(kept.from.id, user.id);
    assert.equal(kept.attachments[0].name, 'trees.txt');
  });
});

describe('the stream', () => {
  test('it begins with all that was said, and several sockets hear the same', async (t) => {
    const { body } = await play.rest.start({ user });
    const id = body.conversationId;
    await answered(id, `welcome ${user.id}`);
    await play.rest.post(id, message('before the socket'));
    await answered(id, 'echo: before the socket');

    // The ticket may be used more than once within its minute.
    const streams = await Promise.all([openStream(body.streamUrl), openStream(body.streamUrl)]);
    t.after(() => streams.forEach((stream) => stream.close()));
    // Empty frames are a client's keep-alive.
    streams[0].socket.send('');
    await play.rest.post(id, message('now'));
    const expected = [`welcome ${user.id}`, 'before the socket', 'echo: before the socket', 'now', 'echo: now'];
    for (const stream of streams) {
      await until('all five', () => stream.activities().length >= 5);
      assert.deepEqual(stream.activities().map(({ text }) => text), expected);
      const sets = stream.frames.filter(({ text }) => text);
      assert.ok(sets.every(({ isBinary, text }) => !isBinary && typeof JSON.parse(text).watermark === 'string'));
    }
  });

  test('it resumes after a watermark that a poll gave', async (t) => {
    const id = await conversation();
    await answered(id, `welcome ${user.id}`);
    await play.rest.post(id, message('one'));
    await answered(id, 'echo: one');
    const { watermark } = (await play.rest.activities(id)).body;
    await play.rest.post(id, message('two'));
    await answered(id, 'echo: two');
    const stream = await openStream((await play.rest.reconnect(id, watermark)).body.streamUrl);
    t.after(() => stream.close());
    await until('both', () => stream.activities().length >= 2);
    assert.deepEqual(stream.activities().map(({ text }) => text), ['two', 'echo: two']);
  });

  test('without its ticket, or with another conversation\'s, the handshake is refused', async () => {
    const mine = (await play.rest.start({ user })).body;
    const other = (await play.rest.start({ user })).body;
    const none = new URL(mine.streamUrl);
    none.searchParams.delete('t');
    const bad = new URL(mine.streamUrl);
    bad.searchParams.set('t', `${bad.searchParams.get('t')}x`);
    const foreign = new URL(other.streamUrl.replace(other.conversationId, mine.conversationId));
    for (const url of [none, bad, foreign]) {
      assert.deepEqual(await openStream(url), { refused: 403 });
    }
  });
});

describe('refusals', () => {
  test('no credential, a broken one, another conversation\'s', async () => {
    const id = await conversation();
    assertError(await play.rest.as(undefined).activities(id), 401);
    assertError(await play.rest.as('nonsense').activities(id), 401);
    const foreign = (await play.rest.start({ user })).body.token;
    assertError(await play.rest.as(foreign).activities(id), 403);
    assertError(await play.rest.as(foreign).generate(), 403);
  });

  test('an unknown conversation', async () => {
    assertError(await play.rest.activities('nowhere0000000000000000'), 404, 'BadArgument');
    assertError(await play.rest.post('nowhere0000000000000000', message('hello')), 404, 'BadArgument');
    assertError(await play.rest.reconnect('nowhere0000000000000000'), 404, 'BadArgument');
  });

  test('a body that is no activity', async () => {
    const id = await conversation();
    const post = (body) => play.rest.call('POST', `/conversations/${id}/activities`, { body });
    assertError(await post('{"type":"message",'), 400);
    assertError(await post('[]'), 400);
    assertError(await post('{"from":{"id":"user-1"},"text":"no type"}'), 400);
    assertError(await post(Buffer.from([0x7b, 0xff, 0x7d])), 400);
    assertError(await post(JSON.stringify(message('x'.repeat(262_144)))), 413);
  });
});

describe('browsers', () => {
  const origin = 'https://shop.example';

  test('each route answers a preflight, and each answer may be read, an error too', async () => {
    const id = await conversation();
    const wanted = 'authorization,content-type,x-ms-bot-agent,x-requested-with';
    const paths = ['/conversations', '/tokens/generate', '/tokens/refresh', '/session/getsessionid', `/conversations/${id}`,
      `/conversations/${id}/activities?watermark=3`, `/conversations/${id}/upload`];
    for (const path of paths) {
      const preflight = await play.rest.as(undefined).call('OPTIONS', path, {
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': wanted },
      });
      assert.ok(preflight.status === 200 || preflight.status === 204, path);
      assert.ok(['*', origin].includes(preflight.headers.get('access-control-allow-origin')), path);
      const allowed = preflight.headers.get('access-control-allow-headers').toLowerCase();
      for (const header of wanted.split(',')) assert.ok(allowed.includes(header), `${path}: ${header}`);
      assert.match(preflight.headers.get('access-control-allow-methods'), /GET.*POST|POST.*GET/);
    }
    const refused = await play.rest.as('nonsense').call('GET', `/conversations/${id}`, { headers: { Origin: origin } });
    assertError(refused, 401);
    assert.ok(['*', origin].includes(refused.headers.get('access-control-allow-origin')));
  });

  test('the session id may be asked for with credentials', async () => {
    const session = await play.rest.as(undefined).call('GET', '/session/getsessionid', { headers: { Origin: origin } });
    assert.equal(session.headers.get('access-control-allow-origin'), origin);
    assert.equal(session.headers.get('access-control-allow-credentials'), 'true');
  });
});
