// Who may come in: assertions that are forged or used twice, addresses and tokens of others, and what is told to whom.

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { sign } from '../../lib/kore/app.mjs';
import { assertRefused } from '../../lib/kore/refusals.mjs';
import { RtmSocket } from '../../lib/kore/socket.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';

const play = koreStage({ bot: 'js-botbuilder', settings: { development_issuer: true } });

describe('assertions', () => {
  const now = () => Math.floor(Date.now() / 1000);
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });

  test('seconds, milliseconds, fractions, no exp, no aud, names in the header: all are taken', async () => {
    const { app } = play;
    for (const [what, claims, header] of [
      ['milliseconds', { iat: Date.now(), exp: Date.now() + 600_000 }],
      ['milliseconds and a fraction', { iat: Date.now(), exp: now() + 600.886 }],
      ['no exp', { exp: undefined }],
      ['no aud', { aud: undefined }],
      ['an empty aud', { aud: '' }],
      ['isAnonymous as a text', { isAnonymous: 'false' }],
      ['an iat to come', { iat: now() + 3_000 }],
      ['a jti', { jti: randomUUID() }],
    ]) {
      const answer = await app.grant(app.assertion('ara', claims, { header }));
      assert.equal(answer.status, 200, `${what}: ${answer.text}`);
    }
    const named = await app.grant(app.assertion('named', {}, { header: { fName: 'Ara', lName: 'Kim' } }));
    assert.deepEqual([named.body.userInfo.fName, named.body.userInfo.lName], ['Ara', 'Kim']);
  });

  test("all others are refused with the vendor's words", async () => {
    const { app } = play;
    const claims = { iss: app.clientId, sub: 'ara', aud: '', iat: now(), exp: now() + 600 };
    const encode = (value) =>
      Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
    const good = app.assertion('ara');
    const [head, body, signature] = good.split('.');
    const own = 'a key of its own, and long enough for it';
    const elsewhere = { jku: 'http://127.0.0.1:9/', x5u: 'http://127.0.0.1:9/' };
    const jwk = { kty: 'oct', k: encode(own) };
    const bad = {
      'alg none': `${encode({ alg: 'none', typ: 'JWT' })}.${body}.`,
      'alg None': `${encode({ alg: 'None' })}.${body}.${signature}`,
      'no signature': `${head}.${body}.`,
      'no parts': 'nonsense',
      'two parts': `${head}.${body}`,
      'another secret': app.assertion('ara', {}, { key: 'another secret altogether, and long enough' }),
      'HS512, which is not configured': sign(claims, app.clientSecret, { alg: 'HS512' }),
      HS384: sign(claims, app.clientSecret, { alg: 'HS384' }),
      'RS256 with a key of its own': sign(claims, pair.privateKey, { alg: 'RS256', header: elsewhere }),
      'its own jwk': app.assertion('ara', {}, { key: own, header: { jwk, kid: '../../dev/null' } }),
      'another body': `${head}.${encode({ ...claims, sub: 'admin' })}.${signature}`,
      expired: app.assertion('ara', { iat: now() - 7_200, exp: now() - 3_600 }),
      'expired in milliseconds': app.assertion('ara', { iat: Date.now() - 7_200_000, exp: Date.now() - 3_600_000 }),
      'an unknown client': app.assertion('ara', { iss: 'cs-00000000-0000-5000-8000-000000000000' }),
      'no client': app.assertion('ara', { iss: undefined }),
      nobody: app.assertion('ara', { sub: undefined }),
      'an empty name': app.assertion(''),
      'a name of 257 bytes': app.assertion('x'.repeat(257)),
      'exp as a text': app.assertion('ara', { exp: 'never' }),
      'five parts': `${good}.a.b`,
      '64 KiB': app.assertion('ara', { padding: 'x'.repeat(65_536) }),
      'a jti for two hours': app.assertion('ara', { jti: randomUUID(), exp: now() + 7_200 }),
    };
    for (const [what, assertion] of Object.entries(bad)) {
      const answer = await app.grant(assertion);
      assertRefused(answer, [400, 401, 413], what);
      if (answer.status === 401) assert.match(answer.body.errors[0].msg, /^error verifying the jwt: /, what);
    }
  });

  test("RS256 by the app's configuration alone; and then its public key is no secret of HS256", async () => {
    const app = await play.addApp({ settings: { algorithms: ['RS256', 'RS512'], public_keys: [pem] } });
    const of = (key, alg) => app.assertion('ara', {}, { key, alg });
    assert.equal((await app.grant(of(pair.privateKey, 'RS256'))).status, 200);
    assert.equal((await app.grant(of(pair.privateKey, 'RS512'))).status, 200);
    for (const [key, alg] of [
      [pem, 'HS256'],
      [pem.trim(), 'HS256'],
      [app.clientSecret, 'HS256'],
      [pem, 'HS512'],
    ]) {
      assertRefused(await app.grant(of(key, alg)), [401], alg);
    }
  });

  test('a jti is good once, and without one an assertion is good again', async () => {
    const { app } = play;
    const once = app.assertion('ara', { jti: randomUUID() });
    assert.equal((await app.grant(once)).status, 200);
    const again = await app.grant(once);
    assert.equal(again.status, 401);
    assert.equal(again.body.errors[0].msg, 'error verifying the jwt: possibly a replay');
    const often = app.assertion('ara');
    for (let n = 0; n < 3; n += 1) assert.equal((await app.grant(often)).status, 200);
  });
});

describe('addresses and tokens', () => {
  test('a sid opens one socket; used, unknown and empty are refused alike', async () => {
    const user = await play.app.user();
    const url = await user.socketUrl();
    play.guest(await RtmSocket.open(url));
    const refusals = [];
    for (const bad of [
      url,
      url.replace(/sid=.{5}/, 'sid=AAAAA'),
      url.replace(/sid=.*/, 'sid='),
      url.replace(/\?.*/, ''),
    ]) {
      await assert.rejects(RtmSocket.open(bad), (error) => {
        refusals.push([error.status, error.text]);
        return true;
      });
    }
    assert.deepEqual(
      refusals.map(([status]) => status),
      [403, 403, 403, 403],
    );
    assert.equal(new Set(refusals.map(([, text]) => text)).size, 1);
    const tries = await user.socketUrl();
    const many = await Promise.allSettled(Array.from({ length: 8 }, () => RtmSocket.open(tries)));
    many.forEach(({ value }) => value?.close());
    assert.equal(many.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  test("every route, with every wrong credential: the same answer, and never what is another's", async () => {
    const other = await play.addApp();
    const [mine, theirs] = [await play.app.user(), await other.user()];
    const siteSecret = play.maru.secret;
    const bot = play.app.botId;
    const routes = {
      'GET history': ['GET', `/api/botmessages/rtm?botId=${bot}`],
      'POST start': ['POST', '/api/rtm/start', { botInfo: play.app.botInfo() }],
      'GET theme': ['GET', `/api/websdkthemes/${bot}/activetheme`],
      'POST file token': ['POST', '/api/attachment/file/token'],
      'POST file': ['POST', '/api/attachment/file'],
      'POST chunk': ['POST', '/api/attachment/file/x/chunk'],
      'PUT file': ['PUT', '/api/attachment/file/x'],
      'GET url': ['GET', `/api/attachment/v2/stream/${bot}/file/x/url`],
      'POST webhook': [
        'POST',
        `/chatbot/v2/webhook/${bot}`,
        { session: { new: true }, message: { type: 'text', val: 'x' }, from: { id: 'x' } },
      ],
      'GET poll': ['GET', `/chatbot/v2/webhook/${bot}/poll/x`],
      'GET chat history': ['GET', `/api/chathistory/${bot}/ivr?botId=${bot}`],
      'GET botmeta': ['GET', `/api/botmeta/${bot}`],
    };
    const wrong = {
      none: undefined,
      nonsense: 'nonsense',
      'a secret': play.app.clientSecret,
      'a Direct Line secret': siteSecret,
      'a token with another end': `${mine.token.slice(0, -4)}AAAA`,
      'a token that nobody signed': `eyJhbGciOiJub25lIn0.${mine.token.split('.')[1] ?? ''}.`,
      'an assertion of another secret': play.app.assertion(
        'x',
        {},
        { key: 'another secret altogether, and long enough' },
      ),
    };
    for (const [route, [method, path, body]] of Object.entries(routes)) {
      const answers = new Set();
      for (const [what, token] of Object.entries(wrong)) {
        const answer = await play.app.http.call(method, path, { token, body });
        assertRefused(answer, [401], `${route} with ${what}`);
        answers.add(answer.text);
      }
      // Where the assertion itself is the credential its owner is told what is wrong with it.
      const asserted = ['POST webhook', 'GET poll', 'GET chat history', 'GET botmeta'].includes(route);
      if (!asserted) assert.equal(answers.size, 1, `${route}: ${[...answers]}`);
      // A good credential of another app: it knows nothing of this bot.
      const foreign = [theirs.token, other.assertion('x')];
      for (const token of foreign) {
        const answer = await play.app.http.call(method, path, { token, body });
        if (path.includes(bot) || body?.botInfo) assertRefused(answer, [400, 401, 403, 404], `${route} by another app`);
        assert.ok(!answer.text.includes(mine.sub));
      }
    }
    assert.equal((await other.history(theirs.token)).status, 200);
  });

  test('two users of one app: nobody reads the other', async () => {
    const [ara, bora] = [await play.app.user(), await play.app.user()];
    const socket = await play.connect(ara);
    await socket.say('a secret of Ara');
    await socket.heard('echo: a secret of Ara');
    const other = await play.connect(bora);
    await other.heard(`welcome ${bora.sub}`);
    assert.ok(!JSON.stringify(await bora.log()).includes('secret of Ara'));
    for (const query of [{ userId: ara.id }, { msgId: (await ara.log())[0]._id }, { identity: ara.sub }]) {
      assert.ok(!(await play.app.history(bora.token, query)).text.includes('secret of Ara'));
    }
    assert.ok(!JSON.stringify(other.frames).includes('secret of Ara'));
  });

  test('the development issuer is off unless it is switched on, and takes no wrong secret', async () => {
    const closed = await play.addApp();
    const ask = (body) => play.app.http.call('POST', '/api/users/sts', { body: new URLSearchParams(body) });
    const of = ({ clientId, clientSecret }) => ({
      clientId,
      clientSecret,
      identity: 'ara',
      aud: '',
      isAnonymous: 'false',
    });
    assertRefused(await ask(of(closed)), [401, 403, 404], 'an app without an issuer');
    assertRefused(await ask({ ...of(play.app), clientSecret: 'wrong' }), [401, 403, 404], 'a wrong secret');
    assert.equal((await ask(of(play.app))).status, 200);
  });

  test('no secret, token or text of a message is in the log', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    await socket.say('a very private message');
    await socket.heard('echo: a very private message');
    const sid = new URL(await user.socketUrl()).searchParams.get('sid');
    for (const secret of [play.app.clientSecret, user.token, 'a very private message', sid]) {
      assert.ok(!play.maru.log.includes(secret), `the log holds ${secret.slice(0, 6)}…`);
    }
  });
});
