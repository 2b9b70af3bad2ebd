// What is done to a server that stands in the open, on Kore's routes: sockets that come and go, and that read nothing;
// input that is too large, malformed or no Unicode; requests that say two things at once; pages of any origin. What counts
// is what the honest see meanwhile, and that nothing is answered 429, which the web SDKs do not survive.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';

import { textOf } from '../../lib/kore/app.mjs';
import { webMultipart } from '../../lib/kore/http.mjs';
import { assertRefused } from '../../lib/kore/refusals.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { until } from '../../lib/wait.mjs';

const FRAME_BYTES_MAX = 262_144;

const play = koreStage({ bot: 'js-botbuilder', settings: { development_issuer: true, sockets_per_user_max: 100 } });

/** Somebody who is served as ever. */
async function assertServed() {
  const user = await play.app.user();
  const socket = await play.connect(user);
  await socket.say('still there?');
  await socket.heard('echo: still there?');
  socket.close();
}

describe('sockets', () => {
  test('many that come and go: everybody has everything, and none is left behind', async () => {
    const user = await play.app.user();
    const speaker = await play.connect(user);
    await speaker.heard(`welcome ${user.sub}`);
    const open = await play.maru.metric('maru_kore_sockets_open');
    for (let round = 0; round < 5; round += 1) {
      const sockets = await Promise.all(
        Array.from({ length: 40 }, () => user.connect({ query: '&ConnectionMode=Default' })),
      );
      await speaker.say(`round ${round}`);
      await Promise.all(sockets.map((socket) => socket.heard(`echo: round ${round}`)));
      for (const [index, socket] of sockets.entries()) index % 2 ? socket.drop() : socket.close();
    }
    await speaker.heard('echo: round 4');
    await until('the sockets to be gone', async () => (await play.maru.metric('maru_kore_sockets_open')) === open);
    const log = (await user.log()).map(textOf);
    assert.deepEqual(log.slice(1), Array.from({ length: 5 }, (_, n) => [`round ${n}`, `echo: round ${n}`]).flat());
  });

  test('one that reads nothing holds nobody up, and has everything when it comes back', async () => {
    const user = await play.app.user();
    const reader = await play.connect(user);
    await reader.heard(`welcome ${user.sub}`);
    const sleeper = play.guest(
      await user.connect({ query: '&ConnectionMode=Default', socket: { paused: true, acks: false } }),
    );
    const long = 'x'.repeat(20_000);
    for (let n = 0; n < 40; n += 1) await reader.say(`${n} ${long}`);
    await reader.heard(`echo: 39 ${long}`);
    sleeper.drop();
    const back = await play.connect(user, { query: '&isReconnect=true' });
    await back.say('awake');
    await back.heard('echo: awake');
    const numbers = (await user.log())
      .map(textOf)
      .filter((text) => text.startsWith('echo'))
      .map((text) => text.split(' ')[1]);
    assert.deepEqual(numbers, [...Array.from({ length: 40 }, (_, n) => String(n)), 'awake']);
  });

  test('as many of one user as may be, and one more: refused before it is open', async () => {
    const app = await play.addApp({ settings: { sockets_per_user_max: 2 } });
    const user = await app.user();
    for (let n = 0; n < 2; n += 1) await play.connect(user);
    await assert.rejects(user.connect(), (error) => error.status === 503 || error.status === 403);
  });
});

describe('input', () => {
  test('a frame of the greatest size is taken, one byte more is not, and the socket ends with 1009', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    const frame = socket.envelope({ body: '' });
    const room = FRAME_BYTES_MAX - JSON.stringify(frame).length;
    frame.message.body = 'y'.repeat(room);
    const text = JSON.stringify(frame);
    assert.equal(text.length, FRAME_BYTES_MAX);
    socket.send(text);
    const ack = await socket.acknowledged(frame.id);
    assert.equal(typeof ack.ok, 'boolean');
    for (const size of [FRAME_BYTES_MAX + 1, FRAME_BYTES_MAX * 10]) {
      const doomed = await play.connect(user);
      const large = doomed.envelope({ body: 'z'.repeat(size) });
      doomed.send(large);
      assert.equal((await doomed.ended()).code, 1009);
      assert.ok(!(await user.log()).map(textOf).some((said) => said.startsWith('zzz')));
    }
  });

  test('bodies over their limits are 413, and nothing of them is kept', async () => {
    const user = await play.app.user();
    const huge = 'x'.repeat(2_000_000);
    const botInfo = play.app.botInfo({ customData: { huge } });
    assertRefused(await play.app.grant(huge), [413], 'grant');
    assertRefused(await play.app.start(user.token, { botInfo }), [413], 'start');
    const webhook = await play.app.http.call('POST', `/chatbot/v2/webhook/${play.app.botId}`, {
      token: play.app.assertion('ara'),
      body: { session: { new: false }, message: { type: 'text', val: huge }, from: { id: 'ara' } },
    });
    assertRefused(webhook, [400, 413], 'webhook');
    const small = await play.addApp({ settings: { upload_bytes_max: 10_000 } });
    const uploader = await small.user();
    for (const [size, status] of [
      [9_999, 200],
      [10_000, 200],
      [10_001, 413],
      [2_000_000, 413],
    ]) {
      const form = webMultipart(
        { filename: 'a.txt', fileExtension: 'txt' },
        { field: 'file', filename: 'a.txt', bytes: Buffer.alloc(size) },
      );
      const sent = await small.http.multipart('POST', '/api/attachment/file', { ...form, token: uploader.token });
      assert.equal(sent.status, status, `${size}: ${sent.text.slice(0, 200)}`);
    }
    await assertServed();
  });

  test('what is no JSON, too deep, of a wrong shape or no Unicode is refused, and the socket goes on', async () => {
    const user = await play.app.user();
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const bodies = [
      '',
      '{',
      '[]',
      'null',
      '"text"',
      '{"assertion":7}',
      deep,
      `{"assertion":${deep}}`,
      '{"a":1e999999}',
      '{"assertion":"\\ud800"}',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      Buffer.from([0xef, 0xbb, 0xbf, 0x7b]),
    ];
    for (const [index, body] of bodies.entries()) {
      for (const path of ['/api/oAuth/token/jwtgrant', '/api/oAuth/token/jwtgrant/anonymous', '/api/platform/websdk']) {
        const answer = await play.app.http.call('POST', path, { body });
        assertRefused(answer, [400, 401, 403, 404, 413], `${path} with body ${index}`);
      }
      // An object that names no bot starts with the app's only one, whatever else is in it.
      if (index > 0 && !String(body).endsWith('}')) {
        const start = await play.app.http.call('POST', '/api/rtm/start', { token: user.token, body });
        assertRefused(start, [400, 404, 413], `start with body ${index}`);
      }
    }
    const socket = await play.connect(user);
    await socket.heard(`welcome ${user.sub}`);
    const nul = JSON.stringify(socket.envelope({ body: 'a\u0000b' }));
    for (const frame of [
      '',
      '{',
      '[]',
      'null',
      '7',
      '"text"',
      deep,
      '{"id":1,"id":2,"message":{"body":"twice"}}',
      '{"resourceid":"/bot.message","message":{"body":"\\ud800"},"id":1}',
      '{"resourceid":"/bot.message","message":7,"id":2}',
      '{"resourceid":"/bot.message","message":{"body":{"deep":true}},"id":3}',
      '{"type":7}',
      '{"event":[]}',
      nul,
    ]) {
      socket.send(frame);
    }
    await socket.say('and on');
    await socket.heard('echo: and on');
    // Bytes that are no UTF-8: in a text frame the protocol itself ends it, in a binary one so do we.
    socket.send(Buffer.from([0x7b, 0xff, 0xfe]));
    assert.equal((await socket.ended()).code, 1007);
    await assertServed();
  });

  test('Hangul in both normal forms and rare signs come out as they went in', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    for (const text of ['한글'.normalize('NFD'), '한글'.normalize('NFC'), '👩‍👩‍👧‍👦 \u2028 \u200b', '&quot;<b>"\\']) {
      await socket.say(text);
      await socket.heard(`echo: ${text}`);
      assert.ok((await user.log()).map(textOf).includes(text), text);
    }
  });
});

describe('requests that say two things at once', () => {
  /** What the server says to raw bytes, until it hangs up or is quiet. */
  function raw(bytes) {
    const { hostname, port } = new URL(play.maru.url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      let text = '';
      socket.setEncoding('latin1');
      socket.setTimeout(3_000, () => socket.destroy());
      socket.on('data', (chunk) => (text += chunk));
      socket.on('close', () => resolve(text));
      socket.on('error', (error) => (text ? resolve(text) : reject(error)));
    });
  }

  test('one answer, 400, and the connection ends', async () => {
    const host = new URL(play.maru.url).host;
    const smuggled = `GET /api/botmessages/rtm?botId=x HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const head = (lines) =>
      `POST /api/oAuth/token/jwtgrant HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${lines}`;
    for (const [what, bytes] of Object.entries({
      'CL and TE': head(`Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`),
      'TE twice': head(`Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`),
      'CL twice': head(`Content-Length: 2\r\nContent-Length: ${smuggled.length}\r\n\r\n{}${smuggled}`),
      'a bad chunk': head(`Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n${smuggled}`),
      'a folded line': head(`X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}`),
      'a space before the colon': head(`Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}`),
    })) {
      const answer = await raw(bytes);
      const count = answer.match(/^HTTP\/1\.1 \d+/gm)?.length ?? 0;
      assert.equal(count, 1, `${what}: ${answer.slice(0, 400)}`);
      assert.match(answer, /^HTTP\/1\.1 400/, what);
    }
    await assertServed();
  });
});

test('browsers: each route answers a preflight, and each answer may be read, an error too', async () => {
  const origin = 'https://shop.example';
  const bot = play.app.botId;
  for (const [method, path, wanted] of [
    ['POST', '/api/oAuth/token/jwtgrant', 'content-type'],
    ['POST', '/api/1.1/oAuth/token/jwtgrant', 'content-type'],
    ['POST', '/api/rtm/start', 'authorization,content-type,x-rtm-v'],
    ['GET', `/api/botmessages/rtm?botId=${bot}`, 'authorization,content-type'],
    ['GET', `/api/websdkthemes/${bot}/activetheme`, 'authorization'],
    ['POST', '/api/users/sts', 'content-type'],
    ['POST', '/api/platform/websdk', 'content-type'],
    ['POST', '/api/attachment/file/token', 'authorization'],
    ['POST', '/api/1.1/attachment/file', 'authorization'],
    ['POST', '/api//attachment/file/x/chunk', 'authorization'],
    ['PUT', '/api/attachment/file/x', 'authorization'],
    ['GET', `/api/attachment/v2/stream/${bot}/file/x/url`, 'authorization'],
    ['POST', `/chatbot/v2/webhook/${bot}`, 'authorization,content-type'],
    ['GET', `/chatbot/v2/webhook/${bot}/poll/x`, 'authorization,content-type'],
    ['GET', `/api/botmeta/${bot}`, 'authorization,content-type'],
    ['GET', `/api/chathistory/${bot}/ivr?botId=${bot}`, 'authorization,content-type'],
  ]) {
    const headers = { origin, 'access-control-request-method': method, 'access-control-request-headers': wanted };
    const preflight = await play.app.http.call('OPTIONS', path, { headers });
    assert.ok([200, 204].includes(preflight.status), `${path}: ${preflight.status}`);
    assert.ok(['*', origin].includes(preflight.headers['access-control-allow-origin']), path);
    const allowed = preflight.headers['access-control-allow-headers'].toLowerCase();
    for (const header of wanted.split(',')) assert.ok(allowed.includes(header), `${path}: ${header}`);
    assert.ok(preflight.headers['access-control-allow-methods'].includes(method), path);
    const refused = await play.app.http.call(method, path, { headers: { origin }, token: 'nonsense' });
    // The development issuer signs for whoever asks.
    assert.ok(refused.status >= 400 || path === '/api/users/sts', path);
    assert.ok(
      ['*', origin].includes(refused.headers['access-control-allow-origin']),
      `${path}: the answer cannot be read`,
    );
  }
});
