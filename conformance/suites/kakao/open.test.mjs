// What the faces of KakaoTalk and TalkTalk bear from the open: bodies of every kind and size, and addresses that lead inside.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { addDoor, addPartner, reportsOf } from '../../lib/kakao/doors.mjs';
import { startPartner } from '../../lib/kakao/partner.mjs';
import { Platform } from '../../lib/kakao/platform.mjs';
import { SECRET_HEADER, SkillUser, textsOf } from '../../lib/kakao/skill.mjs';
import { TalkTalk, TalkTalkUser } from '../../lib/kakao/talktalk.mjs';
import { Http } from '../../lib/kore/http.mjs';
import { Maru } from '../../lib/maru.mjs';
import { stage } from '../../lib/stage.mjs';

const KEY = 'ct_open';

/** Each face: how a call is written by hand, and how one is answered that is none. */
const FACES = {
  'kakao-plus-friend': {
    endpoint: '/message',
    write: (user, text) => `{"user_key":${user},"type":"text","content":${text}}`,
    none: { status: 400, body: { code: 100, message: 'bad request' } },
    bytesMax: 64 * 1024,
    tooLarge: { status: 400, body: { code: 100, message: 'bad request' } },
  },
  'kakao-skill': {
    endpoint: '',
    write: (user, text) => `{"userRequest":{"utterance":${text},"user":{"id":${user},"type":"botUserKey"}}}`,
    none: {
      status: 400,
      body: { version: '2.0', template: { outputs: [{ simpleText: { text: 'this is no skill payload' } }] } },
    },
    bytesMax: 256 * 1024,
    tooLarge: {
      status: 413,
      body: { version: '2.0', template: { outputs: [{ simpleText: { text: 'the body cannot be read' } }] } },
    },
  },
  'naver-talktalk': {
    endpoint: '',
    write: (user, text) => `{"event":"send","user":${user},"textContent":{"text":${text},"inputType":"typing"}}`,
    none: { status: 400, body: { success: false, resultCode: '02', resultMessage: 'the body is no event of a user' } },
    bytesMax: 256 * 1024,
    tooLarge: { status: 413, body: { success: false, resultCode: '99', resultMessage: 'the call cannot be taken' } },
  },
};

const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
const latin = (text) => Uint8Array.from(Buffer.from(text, 'latin1'));

/** What is no call, written for a face. */
const nothings = (write) => ({
  nothing: '',
  'a word': 'x',
  'a list': '[]',
  'an object of nothing': '{}',
  null: 'null',
  'the beginning of one': write('"u"', '"a"').slice(0, -1),
  'one and more': `${write('"u"', '"a"')}x`,
  'a hundred thousand levels': DEEP,
  'the same for its words': write('"u"', DEEP),
  'the same beside them': `${write('"u"', '"a"').slice(0, -1)},"z":${DEEP}}`,
  'half a character': write('"u"', '"a\\ud83d"'),
  'no UTF-8': latin(write('"u"', '"a\xff"')),
  'an overlong slash': latin(write('"u"', '"a\xc0\xaf"')),
  'a number beyond all': `${write('"u"', '"a"').slice(0, -1)},"z":1e999999}`,
  nobody: write('""', '"a"'),
  'nobody at all': write('null', '"a"'),
  'somebody with a NUL': write('"u\\u0000"', '"a"'),
  'somebody of 300 letters': write(`"${'u'.repeat(300)}"`, '"a"'),
});

/** Words that are odd, and whole. */
const ODD_WORDS = [
  '가나다'.normalize('NFD'),
  'a\0b',
  '👨‍👩‍👧‍👦'.repeat(20),
  '<script>alert(1)</script>',
  '"}],"',
  '\u202eabc',
  '{{user_key}}',
];

describe('from the open', () => {
  const play = stage();
  let http;
  let talktalk;
  const doors = {};
  before(async () => {
    talktalk = await TalkTalk.start(KEY);
    http = new Http(play.maru.url);
    for (const kind of Object.keys(FACES)) {
      const settings = kind === 'naver-talktalk' ? { send_key: KEY, api_url: talktalk.origin } : {};
      doors[kind] = await addDoor(play.maru, kind, play.botId, settings);
    }
  });
  after(() => talktalk?.stop());

  const ask = (kind, body, headers = {}) => {
    const { path, secret } = doors[kind];
    const credential = secret && kind === 'kakao-skill' ? { [SECRET_HEADER]: secret } : {};
    return http.call('POST', `${path}${FACES[kind].endpoint}`, { body, headers: { ...credential, ...headers } });
  };

  for (const [kind, { write, none, bytesMax, tooLarge }] of Object.entries(FACES)) {
    test(`${kind}: what is no call is refused in the platform's own words, and nothing of it is kept`, async () => {
      const known = () => play.maru.cli('conversations', 'list');
      const before = await known();
      for (const [name, body] of Object.entries(nothings(write))) {
        const answer = await ask(kind, body);
        assert.deepEqual({ status: answer.status, body: answer.body }, none, name);
      }
      const bomb = gzipSync(Buffer.alloc(50_000_000, 32));
      const answer = await ask(kind, Uint8Array.from(bomb), { 'content-encoding': 'gzip' });
      assert.deepEqual({ status: answer.status, body: answer.body }, none, 'a gzip bomb');
      assert.deepEqual(await known(), before);
    });

    test(`${kind}: a body of the greatest size is taken, and one byte more is not`, async () => {
      const bare = write('"large"', '""').length;
      const sized = (bytes) => write('"large"', `"${'x'.repeat(bytes - bare)}"`);
      for (const bytes of [bytesMax - 1, bytesMax]) {
        assert.equal((await ask(kind, sized(bytes))).status, 200, `${bytes}`);
      }
      for (const bytes of [bytesMax + 1, bytesMax * 10, bytesMax * 1_000]) {
        const answer = await ask(kind, sized(bytes));
        assert.deepEqual({ status: answer.status, body: answer.body }, tooLarge, `${bytes}`);
      }
    });
  }

  test('words that are odd and whole reach the bot as they are, by every face', async () => {
    const skill = new SkillUser({ ...doors['kakao-skill'], url: `${play.maru.url}${doors['kakao-skill'].path}` });
    const platform = new Platform(`${play.maru.url}${doors['kakao-plus-friend'].path}`);
    const naver = new TalkTalkUser(`${play.maru.url}${doors['naver-talktalk'].path}`, talktalk);
    await Promise.all([skill.says('hi'), platform.says('odd', 'hi'), naver.says('hi')]);
    const greeted = (await naver.texts(2)).length;
    for (const [index, words] of ODD_WORDS.entries()) {
      const [bySkill, byPlatform] = await Promise.all([
        skill.says(words),
        platform.says('odd', words),
        naver.says(words),
      ]);
      assert.deepEqual(textsOf(bySkill), [`Echo: ${words}`]);
      assert.equal(byPlatform.message.text, `Echo: ${words}`);
      assert.equal((await naver.texts(greeted + index + 1)).at(-1), `Echo: ${words}`);
    }
    assert.deepEqual(talktalk.problems, []);
  });
});

/** Every way to write an address of this machine, at a port. */
const inside = (port) =>
  [
    '127.0.0.1',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '127.0.0.1.',
  ].map((host) => `http://${host}:${port}/a.png`);

/** Addresses of other networks that nobody outside may be led to; nobody listens there. */
const ELSEWHERE = [
  'http://169.254.169.254/latest/meta-data/',
  'http://[::ffff:169.254.169.254]/',
  'http://2852039166/',
  'http://10.0.0.1/',
  'http://192.168.1.1/',
  'http://172.16.0.1/',
  'http://100.64.0.1/',
  'http://[fd00::1]/',
  'http://[fe80::1]/',
  'http://[fd00:ec2::254]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://0/',
  'file:///etc/passwd',
  'gopher://127.0.0.1/',
  'data:image/png;base64,AA==',
];

describe('addresses that lead inside, with a server that may call its partner alone', () => {
  let partner;
  let trap;
  const caught = [];
  const play = stage({
    server: async () => {
      partner = await startPartner('partner-stand-in');
      const maru = new Maru({ env: { MARU_EGRESS__ALLOW: `127.0.0.1:${partner.port}` } });
      // Not on the loopback interface: nothing inside may be called that is not named.
      maru.listen = '0.0.0.0:0';
      return maru.up();
    },
  });
  before(async () => {
    trap = createServer((socket) => {
      caught.push(socket.remoteAddress);
      socket.end('HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nx');
    });
    await new Promise((resolve) => trap.listen(0, '::', resolve));
    await fetch(`http://127.0.0.1:${trap.address().port}/`);
    assert.equal(caught.length, 1, 'whoever comes is caught');
    caught.length = 0;
  });
  after(async () => {
    trap?.close();
    await partner?.stop();
  });

  const all = () => [...inside(trap.address().port), ...ELSEWHERE];

  test("a partner's pictures are left where they are", async () => {
    const { secret } = await addPartner(play.maru, partner, { handoff: true });
    const client = await play.client({ secret }).connect({ withUser: true });
    const away = inside(trap.address().port).map((url) => `${partner.url}/away/${encodeURIComponent(url)}`);
    for (const url of [...all(), ...away]) {
      const id = await client.say(`photo ${url}`);
      const { text, attachments = [] } = await client.hear(
        ({ replyToId, type }) => type === 'message' && replyToId === id,
      );
      assert.equal(text, 'a picture', url);
      assert.ok(
        attachments.every(({ contentUrl }) => contentUrl === url),
        JSON.stringify(attachments),
      );
    }
    assert.deepEqual(caught, []);
  });

  test('nobody fetches what users name, and nobody calls back where a payload says', async () => {
    const { port } = trap.address();
    const disguised = [
      `http://kakao.com@127.0.0.1:${port}/a.png`,
      `http://127.0.0.1:${port}/kakao.com/a.png`,
      `http://kakao.com.localhost:${port}/a.png`,
      `http://naver.com#@127.0.0.1:${port}/a.png`,
    ];
    const urls = [...all(), ...disguised];
    const { bot } = await addPartner(play.maru, { name: 'slow', url: partner.url }, { greeting: '', handoff: true });
    const open = async (kind, behind, settings) => {
      const { path, secret } = await addDoor(play.maru, kind, behind, settings);
      return { url: `${play.maru.url}${path}`, secret };
    };
    const skill = await open('kakao-skill', play.botId);
    const held = await open('kakao-skill', bot, { budget_ms: 500 });
    const platform = new Platform((await open('kakao-plus-friend', play.botId)).url);
    const naver = await open('naver-talktalk', play.botId, { send_key: KEY, api_url: `http://localhost:${port}` });
    await Promise.all(
      urls.map(async (url, index) => {
        assert.ok((await platform.says(`key-${index}`, url, 'photo')).message.text);
        const params = { image: JSON.stringify({ secureUrls: `List(${url})` }) };
        assert.ok(textsOf(await new SkillUser(skill).says('a picture', { action: { params } })).length > 0);
        await new TalkTalkUser(naver.url).happens({ event: 'send', imageContent: { imageUrl: url } });
        const late = await new SkillUser(held).says('hold', { userRequest: { callbackUrl: url } });
        assert.equal(late.useCallback, undefined, url);
      }),
    );
    await partner.tell({ release: true });
    assert.deepEqual(caught, []);
  });

  test('a partner that is inside itself is not called', async () => {
    for (const [index, url] of inside(trap.address().port).entries()) {
      const base = new URL(url).origin;
      const settings = { greeting: 'come in', no_answer_text: 'no answer today', handoff: true };
      const { bot, secret } = await addPartner(play.maru, { name: `inside-${index}`, url: base }, settings);
      const client = await play.client({ secret }).connect({ withUser: true });
      await client.say('hello');
      await client.hear('no answer today');
      const { reports } = await reportsOf(play.maru, bot);
      assert.ok(reports.length > 0 && reports.every(({ code }) => code === 202), JSON.stringify(reports));
      client.close();
    }
    assert.deepEqual(caught, []);
  });
});
