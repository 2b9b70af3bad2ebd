// The payloads of the documentation of Kore's WebSocket API, as they stand there, less what keeps them from being JSON:
// its comments, curly quotes and braces that do not match. Each of them must be taken, and whatever the documents say that an
// answer has, the answer has. Maru may say more.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { TIME, kindOfId, textOf } from '../../lib/kore/app.mjs';
import { frameText } from '../../lib/kore/socket.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { until } from '../../lib/wait.mjs';

const play = koreStage({ bot: 'js-botbuilder' });

/** Which members a documented object has, and of which types: what is not said here may be there too. */
function assertLike(actual, documented, where) {
  for (const [name, wanted] of Object.entries(documented)) {
    const found = actual[name];
    if (wanted instanceof RegExp) assert.match(String(found), wanted, `${where}.${name}`);
    else if (typeof wanted === 'function') assert.ok(wanted(found), `${where}.${name}: ${JSON.stringify(found)}`);
    else if (wanted !== null && typeof wanted === 'object') assertLike(found ?? {}, wanted, `${where}.${name}`);
    else assert.deepEqual(found, wanted, `${where}.${name}`);
  }
}

const text = (value) => typeof value === 'string';
const list = (value) => Array.isArray(value) && value.length === 0;

/** The grant's body in the documents. */
const grantBody = (assertion, bot) => ({ assertion, botInfo: { chatBot: 'Kit', taskBotId: bot } });

/** The message of the documents, with this bot. */
const sampleMessage = (body, id, bot) => ({
  clientMessageId: id,
  message: { body, attachments: [] },
  resourceid: '/bot.message',
  botInfo: { chatBot: 'CNN', taskBotId: bot },
  id,
});

async function granted(sub = 'admin1212@qakore.xyz') {
  const { app } = play;
  const answer = await app.http.call('POST', '/api/1.1/oAuth/token/jwtgrant', {
    body: grantBody(app.assertion(sub), app.botId),
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

describe('the documented calls', () => {
  test('a grant answers with everything that the documents list', async () => {
    const body = await granted();
    const { accountId } = body.userInfo;
    assertLike(
      body,
      {
        authorization: { accessToken: text, token_type: 'bearer', expiresDate: TIME, issuedDate: TIME },
        userInfo: {
          userId: kindOfId('u'),
          accountId: /^[0-9a-f]{24}$/,
          orgId: kindOfId('o'),
          identity: `${play.app.clientId}/admin1212@qakore.xyz`,
          enrollType: 'free',
          managedBy: accountId,
          fName: '',
          lName: '',
        },
      },
      'grant',
    );
    const { expiresDate, issuedDate } = body.authorization;
    assert.ok(Date.parse(expiresDate) > Date.parse(issuedDate));
  });

  test('a start answers with a URL that has a sid and goes to the host that was asked', async () => {
    const { authorization } = await granted();
    const answer = await play.app.http.call('POST', '/api/1.1/rtm/start', {
      token: authorization.accessToken,
      body: { botInfo: { chatBot: 'Twitter', taskBotId: play.app.botId } },
    });
    assert.equal(answer.status, 200, answer.text);
    const url = new URL(answer.body.url);
    assert.equal(url.protocol, 'ws:');
    assert.equal(url.host, new URL(play.maru.url).host);
    assert.equal(url.pathname, '/rtm/bot');
    assert.match(answer.body.url, /\?sid=[0-9A-Za-z]{32}/, 'the SDKs append &name=value to it');
  });

  test('history is taken with the stray dash in front of the token, too', async () => {
    const { authorization } = await granted();
    for (const [path, bearer] of [
      [`/api/botmessages/rtm?botId=${play.app.botId}&limit=10`, `bearer -${authorization.accessToken}`],
      [`/api/botmessages/rtm?botId=${play.app.botId}`, `bearer ${authorization.accessToken}`],
      [`/api/1.1/botmessages/rtm?botId=${play.app.botId}&skip=0&limit=10`, `bearer ${authorization.accessToken}`],
    ]) {
      const headers = { accept: 'application/json', authorization: bearer, 'content-type': 'application/json' };
      const answer = await play.app.http.call('GET', path, { headers });
      assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    }
  });
});

describe('the documented frames', () => {
  test('a message, its ack and its answer', async () => {
    const user = await play.app.user();
    const socket = await play.connect(user);
    const id = 1466692440896;
    socket.send(sampleMessage('Here is the message.', id, play.app.botId));
    assert.deepEqual(await socket.acknowledged(id), { ok: true, replyto: id, message: 'delivered', type: 'ack' });

    const answer = await socket.heard('echo: Here is the message.');
    assertLike(
      answer,
      {
        type: 'bot_response',
        from: 'bot',
        // As the client sent it with its start, name and all.
        botInfo: { chatBot: 'Kit', taskBotId: play.app.botId },
        createdOn: TIME,
      },
      'bot_response',
    );
    assert.equal(answer.message.length, 1, 'clients show the first element alone');
    assertLike(answer.message[0], { type: 'text', cInfo: { body: 'echo: Here is the message.' } }, 'message');
    // The rich form beside it: without a component iOS shows nothing.
    assertLike(answer.message[0].component, { type: 'text', payload: { text: frameText(answer) } }, 'component');
    assertLike(
      answer,
      { messageId: kindOfId('ms'), key: text, timestamp: Number.isInteger, traceId: text },
      'bot_response',
    );
  });

  test('what is said in one session is shown in the others', async () => {
    const user = await play.app.user();
    const [here, there] = [await play.connect(user), await play.connect(user)];
    const id = 1466692871803;
    here.send(sampleMessage('how are you doing ', id, play.app.botId));
    const shown = await there.hear('the other socket to show it', ({ type }) => type === 'user_message');
    assertLike(
      shown,
      {
        botInfo: { chatBot: 'Kit', taskBotId: play.app.botId },
        from: 'self',
        message: { body: 'how are you doing ', attachments: list },
        id,
        type: 'user_message',
      },
      'user_message',
    );
    for (const socket of [here, there])
      await socket.heard((frame) => frameText(frame).startsWith('echo: how are you doing'));
    assert.deepEqual(here.of('user_message'), [], 'the speaker heard themselves');
  });
});

test('the history has each member that the documents show', async () => {
  const user = await play.app.user();
  const socket = await play.connect(user);
  await socket.heard(`welcome ${user.sub}`);
  const said = await socket.say('Hi');
  const answer = await socket.heard('echo: Hi');
  const page = await until('three messages', async () => {
    const { body } = await play.app.history(user.token, { limit: 10 });
    return body.messages.length === 3 && body;
  });
  assert.equal(page.total, 3);
  assert.equal(page.moreAvailable, false);
  const [, incoming, outgoing] = page.messages;
  const both = {
    _id: kindOfId('ms'),
    channels: (value) => value.length === 1 && value[0].type === 'rtm',
    createdBy: user.id,
    lmodifiedOn: TIME,
    botId: play.app.botId,
    orgId: kindOfId('o'),
    accountId: /^[0-9a-f]{24}$/,
    isBB: 0,
    ms: 1,
    chnl: 'rtm',
    createdOn: TIME,
    timestampValue: Number.isInteger,
    __v: 0,
    lang: text,
    sessionId: /^[0-9a-f]{24}$/,
    resourceid: 'messagestore',
    tags: { messageTags: list, userTags: list, sessionTags: list },
  };
  assertLike(incoming, { ...both, type: 'incoming', status: 'sent to cs', lmodifiedBy: user.id }, 'incoming');
  assertLike(outgoing, { ...both, type: 'outgoing', status: 'pending', tN: text }, 'outgoing');
  for (const message of page.messages) {
    assertLike(
      message.components[0],
      { _id: kindOfId('cp'), cT: 'text', data: { text }, thumbnails: list },
      'component',
    );
    assert.equal(Date.parse(message.createdOn), message.timestampValue);
  }
  assert.deepEqual(page.messages.map(textOf), [`welcome ${user.sub}`, 'Hi', 'echo: Hi']);
  // What the live frames said and what the history says are known by one id.
  assert.equal(outgoing._id, answer.messageId);
  assert.equal(String(incoming.userMsgId), String(said.clientMessageId));
});
