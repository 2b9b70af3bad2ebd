// nxWebApi.js in headless Chromium, in the page of another site, from the documents' own sample code.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Browser } from '../../lib/browser.mjs';
import { REPOSITORY } from '../../lib/paths.mjs';
import { until } from '../../lib/wait.mjs';
import { BOT_DN, REALM, TEL, webChatStage } from '../../lib/web-chat/stage.mjs';

const play = webChatStage();

const CID = /^NX_[0-9A-F]{16}_[0-9]{10}[0-9a-f]{16}$/;

describe('nxWebApi.js in a page of another site', () => {
  let browser;
  before(async () => {
    browser = await Browser.open();
  });
  after(() => browser?.close());

  /** A new page of the shop, and what its sockets carry. */
  async function shop() {
    const page = await browser.visit('about:blank');
    const frames = [];
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => frames.push(payload));
    });
    await page.goto(play.site.origin);
    return { page, frames };
  }

  const heard = async (page) => (await page.evaluate(() => heard)).map((json) => JSON.parse(json));
  const documented = async (page) => (await heard(page)).filter(({ Kind }) => Kind !== 'NX');
  const types = async (page) => (await documented(page)).map(({ Type }) => Type);

  const hears = (page, type, count = 1) =>
    until(
      `${count} ${type}`,
      async () => {
        const events = (await heard(page)).filter(({ Type }) => Type === type);
        return events.length >= count && events;
      },
      { shown: () => browser.complaints },
    );

  const connect = (page, dn = BOT_DN, url = play.socket) =>
    page.evaluate((given) => nxWebApi.connectChat(...given), [REALM, dn, TEL, url]);

  test('the sample runs to its end, event by event', async () => {
    const { page } = await shop();
    assert.equal(await connect(page), 0);
    await hears(page, 'InCall');
    const [{ Data: info }] = await hears(page, 'ChatInfo');
    assert.match(info.Cid, CID);
    // The bot greets whoever joins.
    await hears(page, 'Message_C');
    const sent = await page.evaluate(() => {
      const messageJson = '{ "type":"text", "message": "안녕하세요!"}';
      return nxWebApi.Message_C(messageJson);
    });
    assert.equal(sent, 0);
    await hears(page, 'Message_C', 3);
    assert.equal(await page.evaluate(() => nxWebApi.Clear()), 0);
    await hears(page, 'Clear');

    const data = { dn: BOT_DN, id: 1 };
    const message = (content, status, desc, dn) => {
      const Data = { status, desc, content, dn, Cid: info.Cid, virtualAgent: BOT_DN };
      return { Kind: 'SIP', Type: 'Message_C', Data };
    };
    const incoming = ['i_customs_message', 'Incoming Message', BOT_DN];
    const events = await documented(page);
    const greeting = events[5]?.Data?.content;
    assert.match(greeting?.message ?? '', /^welcome /);
    assert.deepEqual(events, [
      { Type: 'SetCallBack', Data: { result: 'Success' } },
      { Kind: 'SIP', Type: 'Connecting', Data: { status: 'connecting', desc: 'Call in progress...', ...data } },
      { Kind: 'SIP', Type: 'Trying', Data: { status: ' i_ao_request', desc: 'Trying', ...data } },
      { Kind: 'SIP', Type: 'Ringing', Data: { status: ' i_ao_request', desc: 'Ringing', ...data } },
      { Kind: 'SIP', Type: 'InCall', Data: { status: 'connected', desc: 'In call', ...data } },
      message(greeting, ...incoming),
      message({ type: 'text', message: '안녕하세요!' }, 'i_customs_message_send', 'Outgoing Message', 'customer'),
      message({ type: 'text', message: 'echo: 안녕하세요!' }, ...incoming),
      { Kind: 'SIP', Type: 'Clear', Data: { status: 'terminated', desc: 'Call terminated', ...data } },
    ]);
    assert.deepEqual(await page.evaluate(() => logged), [
      '서버 접속 시도...',
      '서버 접속 응답중',
      '서버 접속 완료',
      '메시지 수신 : [object Object]',
      '메시지 전송 : [object Object]',
      '메시지 수신 : [object Object]',
      '서버 접속 종료 또는 실패',
    ]);
  });

  test('a number that is not there is told by Trying and Clear', async () => {
    const { page } = await shop();
    assert.equal(await connect(page, '999'), 0);
    const [{ Data }] = await hears(page, 'Clear');
    assert.deepEqual(Data, { status: 'terminated', desc: 'Not Found', dn: '999', id: 1 });
    assert.deepEqual(await types(page), ['SetCallBack', 'Connecting', 'Trying', 'Clear']);
    assert.equal(await page.evaluate(() => nxWebApi.Clear()), -1);
  });

  test('a server that is not there is told by Connecting and Clear alone', async () => {
    const { page } = await shop();
    assert.equal(await connect(page, BOT_DN, 'ws://127.0.0.1:9/'), 0);
    const [{ Data }] = await hears(page, 'Clear');
    assert.equal(Data.desc, 'Request Timeout');
    assert.deepEqual(await types(page), ['SetCallBack', 'Connecting', 'Clear']);
    // What the browser says of a socket that does not open is not the page's mistake.
    browser.complaints.splice(0);
  });

  test('several chats have ids of their own and are spoken to by their Cid', async () => {
    const { page } = await shop();
    for (let n = 0; n < 3; n++) {
      await connect(page);
      await hears(page, 'InCall', n + 1);
    }
    const calls = await hears(page, 'InCall', 3);
    assert.deepEqual(calls.map(({ Data }) => Data.id), [1, 2, 3]);
    const [first, , last] = await page.evaluate(() => nxWebApi.getChats().map(({ Cid }) => Cid));
    await page.evaluate((cid) => nxWebApi.Message_CToSelect(cid, { type: 'text', message: 'to the first' }), first);
    await page.evaluate(() => nxWebApi.Message_C({ type: 'text', message: 'to the last' }));
    const answer = (message) =>
      until(`the answer to ${message}`, async () => {
        return (await heard(page)).find(({ Data }) => Data.content?.message === `echo: ${message}`);
      });
    assert.equal((await answer('to the first')).Data.Cid, first);
    assert.equal((await answer('to the last')).Data.Cid, last);
    assert.equal(await page.evaluate((cid) => nxWebApi.Clear(cid), first), 0);
    await hears(page, 'Clear');
    assert.equal(await page.evaluate((cid) => nxWebApi.Message_CToSelect(cid, { type: 'text', message: 'a' }), first), -1);
  });

  test('what is for agents alone never comes back to the customer but as the word that it was sent', async () => {
    const { page, frames } = await shop();
    await connect(page);
    await hears(page, 'InCall');
    const text = '상담원만 보는 말';
    await page.evaluate((message) => nxWebApi.Message_C({ type: 'text', message }, 'agent'), text);
    const sent = await until('it to be sent', async () => {
      return (await heard(page)).find(({ Data }) => Data.status === 'i_customs_message_send');
    });
    assert.equal(sent.Data.content.message, text);
    await page.evaluate(() => nxWebApi.Message_C({ type: 'text', message: 'after' }));
    await until('an answer', async () => (await heard(page)).some(({ Data }) => Data.content?.message === 'echo: after'));
    assert.ok(!frames.join('\n').includes(text), 'the text is in a frame');
    assert.ok(!(await heard(page)).some(({ Data }) => Data.status === 'i_customs_message' && Data.content.message === text));
  });

  test('a page that is loaded anew goes on with its chat', async () => {
    const { page } = await shop();
    await connect(page);
    await hears(page, 'InCall');
    await hears(page, 'Message_C');
    const [{ Data: before }] = await hears(page, 'ChatInfo');
    await page.reload();
    await connect(page);
    await hears(page, 'InCall');
    const [{ Data: now }] = await hears(page, 'ChatInfo');
    assert.equal(now.Cid, before.Cid);
    assert.deepEqual(await types(page), ['SetCallBack', 'Connecting', 'Trying', 'InCall']);
    const { messages } = await page.evaluate((cid) => nxWebApi.history(cid), now.Cid);
    assert.match(messages[0].Data.content.message, /^welcome /);
    await page.evaluate(() => nxWebApi.Message_C({ type: 'text', message: 'still here' }));
    await hears(page, 'Message_C', 2);
  });

  test('a server that is killed in the middle loses nothing, and no event is doubled', async () => {
    const { page } = await shop();
    await connect(page);
    await hears(page, 'InCall');
    await hears(page, 'Message_C');
    await play.maru.kill();
    await hears(page, 'Reconnecting');
    const taken = await page.evaluate(() =>
      ['one', 'two', 'three'].map((message) => nxWebApi.Message_C({ type: 'text', message })),
    );
    assert.deepEqual(taken, [0, 0, 0]);
    await play.maru.up();
    await hears(page, 'Reconnected');
    await hears(page, 'Message_C', 7);
    const said = (await documented(page)).filter(({ Type }) => Type === 'Message_C').map(({ Data }) => Data.content.message);
    assert.deepEqual(said.filter((text) => !text.startsWith('echo') && !text.startsWith('welcome')), ['one', 'two', 'three']);
    assert.deepEqual(said.filter((text) => text.startsWith('echo')), ['echo: one', 'echo: two', 'echo: three']);
    assert.deepEqual((await types(page)).filter((type) => type !== 'Message_C'), [
      'SetCallBack', 'Connecting', 'Trying', 'Ringing', 'InCall',
    ]);
    browser.complaints.splice(0);
  });

  test('nothing of all this is an error of the page', () => {
    assert.deepEqual(browser.complaints, []);
  });
});

describe('the script as it is served', () => {
  const get = (path, headers = {}) => fetch(`${play.maru.url}${path}`, { headers });

  test('is compressed, kept for minutes, and not sent twice', async () => {
    const answer = await get('/nxWebApi.js', { 'Accept-Encoding': 'br' });
    assert.equal(answer.headers.get('content-encoding'), 'br');
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=300');
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    const again = await get('/nxWebApi.js', { 'Accept-Encoding': 'br', 'If-None-Match': answer.headers.get('etag') });
    assert.equal(again.status, 304);
    for (const path of ['/ukakao/nxWebApi.js', '/nxWebApi.d.ts']) assert.equal((await get(path)).status, 200, path);
  });

  test('has a path of its version that is kept for ever', async () => {
    const [, version] = readFileSync(join(REPOSITORY, 'Cargo.toml'), 'utf8').match(/^version = "(.+)"$/m);
    const answer = await get(`/nxWebApi/${version}/nxWebApi.js`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  });
});
