// Every row of the error table, over HTTP: the status, the code, and its text.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { addApp, signUp } from '../../lib/chatflow/app.mjs';
import { NEVER, Webhook, asking } from '../../lib/chatflow/webhook.mjs';
import { Maru } from '../../lib/maru.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

function is(answer, status, code, message) {
  const said = JSON.stringify(answer.body);
  assert.deepEqual([answer.status, answer.body.code, answer.body.message], [status, code, message], said);
  if (answer.headers) assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  return answer;
}

const photo = { content: 'https://shop.example/cat.jpg', type: 'photo' };

describe('what is refused', () => {
  const play = stage();
  let app;
  before(async () => {
    app = await addApp(play.maru);
  });

  test('100: malformed, missing, contradicting, too long', async () => {
    const user = { user_key: 'u' };
    for (const fields of [
      { content: 'x' },
      { ...user },
      { ...user, content: '' },
      { ...user, content: ['x'] },
      { ...user, content: '가'.repeat(1_334) },
      { ...user, content: 'x', user_id: 'v' },
      { ...user, content: 'x', message: 'y' },
      { ...user, content: 'x', developer_id: 'y' },
      { ...user, content: 'x', variables: 'none' },
      { user_key: 'u'.repeat(257), content: 'x' },
    ]) {
      is(await app.post('/message', fields), 400, 100, 'bad request');
    }
    for (const body of ['', '{', '[]', 'null', Buffer.from([0x7b, 0xff, 0x7d])]) {
      is(await app.call('POST', '/message', { body }), 400, 100, 'bad request');
    }
    const resumed = await app.post('/resume', { ...user });
    assert.equal(resumed.status, 400, resumed.text);
    const inAddress = `/scenario?client_id=${app.clientId}&app_id=${app.appId}`;
    is(await app.call('GET', inAddress), 400, 100, 'bad request');
    assert.equal((await app.post('/message', { ...user, content: '가'.repeat(1_333) })).status, 200);
  });

  test('101: more than 64 KiB', async () => {
    const variables = { long: 'x'.repeat(65_536) };
    is(await app.post('/message', { user_key: 'u', content: 'x', variables }), 413, 101, 'request too large');
  });

  test('201: which of the secrets is wrong is not told, nor whether there is one', async () => {
    const other = await signUp(play.maru, 'Another');
    const answers = [];
    for (const wrong of [{ clientId: 'x' }, { appId: 'x' }, { clientId: app.appId }, { clientId: other.clientId }]) {
      const answer = await app.with(wrong).post('/message', { user_key: 'u', content: 'x' });
      answers.push(is(answer, 400, 201, 'wrong api key').text);
    }
    assert.equal(new Set(answers).size, 1);
  });

  test('202: nothing is published', async () => {
    const bare = await addApp(play.maru, { client: app.owner, handle: 'bare', file: null });
    is(await bare.post('/message', { user_key: 'u', content: 'x' }), 400, 202, 'wrong bot url');
    is(await bare.ask('GET', '/scenario'), 400, 202, 'wrong bot url');
  });

  test('302, 304, 400: a user, a node and a type that are not there', async () => {
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      is(await app.ask(method, '/users/nobody/state', method === 'PATCH' ? {} : undefined), 400, 302, 'user not found');
    }
    is(await app.post('/init', { user_key: 'u', node_id: 'nowhere' }), 404, 304, 'node not found');
    await app.say('p', '주문하기');
    is(await app.post('/message', { user_key: 'p', ...photo }), 400, 400, 'unsupported media type');
    is(await app.post('/message', { user_key: 'p', ...photo, type: 'sticker' }), 400, 400, 'unsupported media type');
    assert.equal((await app.state('p')).session.turn, 1, 'what was refused did nothing');
    const patched = await app.ask('PATCH', '/users/p/state', { slot: { menu: '맥주' } });
    assert.equal(is(patched, 400, 100, 'bad request').body.errors[0].path, '/slot/menu');
  });

  test('404, 405: paths and methods', async () => {
    is(await app.ask('GET', '/nowhere'), 404, 404, 'not found');
    is(await app.ask('PUT', '/message'), 405, 405, 'method not allowed');
  });

  test('207, 301, 401: what operators are told', async () => {
    const flat = ({ status, body }) => ({ status, body });
    is(flat(await app.order('GET', '/apps/nobody')), 400, 301, 'profile not found');
    const again = { client: app.owner.id, name: 'x', monitor_phone: '010-1234-5678', privacy_consent: true, handle: 'coffee' };
    is(flat(await app.order('POST', '/apps', again)), 409, 207, 'changed meanwhile');
    const broken = await addApp(play.maru, { client: app.owner, handle: 'broken', file: null });
    const nodes = { a: { type: 'jump', to: 'nowhere' } };
    const file = { format: 'chatflow/1', name: 'x', meta: { entry_id: 'a', exception_id: 'a' }, nodes };
    assert.equal((await broken.draft(file)).valid, false);
    const refused = is(await broken.order('POST', '/apps/broken/publish', {}), 422, 401, 'invalid scenario');
    assert.ok(refused.body.errors.some(({ path }) => path === '/nodes/a/to'), JSON.stringify(refused.body));
  });

  test('206: wrong secrets again and again, and the right ones all the same', async () => {
    const wrong = app.with({ appId: 'x' });
    const answers = await Promise.all(Array.from({ length: 80 }, () => wrong.post('/message', { user_key: 'u', content: 'x' })));
    const slowed = answers.filter(({ status }) => status === 429);
    assert.ok(slowed.length > 0);
    for (const answer of slowed) assert.ok(is(answer, 429, 206, 'too many requests').headers['retry-after'] >= 1);
    await app.say('u', 'x');
  });
});

describe('what a webhook spoils', () => {
  let webhook;
  let operator;
  const play = stage({
    server: async () => {
      operator = await Recorder.start();
      return Maru.start({ env: { MARU_ALERTS__URL: operator.endpoint } });
    },
  });
  let app;
  before(async () => {
    webhook = await Webhook.start();
    app = await addApp(play.maru, { handle: 'asking', file: asking(webhook.url) });
  });
  after(() => {
    webhook?.close();
    operator?.stop();
  });

  const say = (user) => app.post('/message', { user_key: user, content: '내 비밀번호' });
  const alerts = () => operator.requests.map(({ activity }) => activity);

  test('203: no answer that is understood', async () => {
    await app.say('a', 'hi');
    for (const answer of [
      { type: 'text/html', text: '<p>' },
      { status: 500, text: '{}' },
      { text: '[]' },
      { to: 'nowhere' },
      { text: JSON.stringify({ var: { long: 'x'.repeat(65_536) } }) },
    ]) {
      webhook.answer = () => answer;
      is(await say('a'), 503, 203, 'wrong message format');
    }
    webhook.answer = () => ({});
    assert.equal((await say('a')).body.session.turn, 2, 'failed turns have changed nothing');
  });

  test('203: more nodes than a turn may have', async () => {
    // The slot is passed while it is filled: whether a turn ends cannot be told beforehand.
    const nodes = {
      a: { type: 'intent', message: { text: 'Ask' }, to: 'n' },
      n: { type: 'slot', slot: 'n', message: { text: 'How many?' }, to: 'again' },
      again: { type: 'jump', to: 'n' },
    };
    const meta = { entry_id: 'a', exception_id: 'a' };
    const file = { format: 'chatflow/1', name: 'loop', meta, slots: { n: { type: 'number' } }, nodes };
    const loop = await addApp(play.maru, { client: app.owner, handle: 'loop', file });
    await loop.say('u', 'hi');
    await loop.say('u', 'go');
    is(await loop.post('/message', { user_key: 'u', content: '3' }), 503, 203, 'wrong message format');
  });

  test('204, 205: one that hangs, and who waits behind it', async () => {
    // 2 s for the one that is asked; the next user is asked at once, whatever this one waits for.
    webhook.answer = ({ body }) => (body.user_key === 'slow' ? NEVER : {});
    await app.say('slow', 'hi');
    await app.say('b', 'hi');
    const first = say('slow');
    await until('the webhook to be asked', () => webhook.calls.some(({ body }) => body.user_key === 'slow'));
    const waiting = [say('slow'), say('slow'), say('slow')];
    assert.equal((await say('b')).status, 200);
    is(await first, 408, 204, 'request timeout');
    const codes = (await Promise.all(waiting)).map(({ status, body }) => `${status} ${body.code}`);
    assert.ok(codes.includes('409 205'), `who waits 5 s waits no longer: ${codes}`);
    assert.ok(codes.every((code) => ['408 204', '409 205'].includes(code)), codes.join());
  });

  test('ten failures in a row are told to the phone, once, and that it is over', async () => {
    webhook.answer = () => ({ status: 500, text: '{}' });
    await app.say('c', 'hi');
    const before = alerts().length;
    for (let n = 0; n < 12; n += 1) is(await say('c'), 503, 203, 'wrong message format');
    const failing = () => alerts().filter(({ event, to }) => event === 'raised' && to !== undefined);
    await until('the alert', () => failing().length > 0, { shown: () => alerts().slice(before) });
    assert.ok(failing().every(({ to }) => to.includes('1012345678')), JSON.stringify(failing()));
    assert.ok(!JSON.stringify(alerts()).includes('비밀번호'), 'what a user said is nobody else\'s');
    webhook.answer = () => ({});
    await until('a turn that succeeds', async () => (await say('c')).status === 200, { timeoutMs: 60_000, everyMs: 1_000 });
    await until('the alert that it is over', () => alerts().some(({ event }) => event === 'settled'), {
      shown: () => alerts().slice(before),
    });
  });
});
