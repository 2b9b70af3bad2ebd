// What partner servers in the wild answered, and what else one may answer: each as it goes over the wire, with what a user
// gets for it and what the bot's owner is told. `partner-stand-in.mjs` gives the answer of a row to whoever says its name.
//
// A row: `name`; `answer`; then either `gets` (and `told`, if it was put right) or `fails` (what the owner is told: the user
// gets the notice). `strict` is set where strict reading does otherwise than the rule: it refuses what has to be put right.

import { gzipSync } from 'node:zlib';

import { png } from '../lib/files.mjs';

/** The picture that the stand-in serves at `/photo.png`. */
export const PHOTO = png(8, (x, y) => [x * 30, y * 30, 120]);

const JSON_UTF8 = 'application/json; charset=utf-8';

/** An answer to the byte. In its text `{{base}}` is the stand-in's own address. */
const raw = (body, type = 'application/json', status = 200, more = {}) => ({
  status,
  headers: { ...(type ? { 'Content-Type': type } : {}), ...more.headers },
  body,
  how: more.how,
});
const json = (value) => raw(JSON.stringify(value), JSON_UTF8);
const html = (status, bytes) => raw(`<!doctype html>${'x'.repeat(bytes - 15)}`, 'text/html; charset=utf-8', status);
const text = (words) => json({ message: { text: words } });
const to = (location, status = 301) => raw('', 'text/html', status, { headers: { Location: location } });
const how = (how) => ({ status: 200, headers: {}, body: '', how });

const gets = (words, choices = [], more = {}) => ({ text: words, choices, ...more });
const LINK = { title: 'L', value: 'https://x.example/' };

const STATUS = 'response is not OK(200) : ';
const NOTHING = 'there is nothing in `message`';
const NO_JSON = 'response json parsing error';
const NO_UTF8 = 'the body is no text in UTF-8';
const LATE = 'timed out';
const TYPE = 'the content type is not application/json';

/** Recorded answers to `POST /message`: one row for each bot and case. */
export const RECORDED = [
  {
    name: 'ChatFlow Flask',
    answer: raw('{"message":{"text":"\\ud648\\ubc84\\ud2bc 1"}}\n'),
    gets: gets('홈버튼 1'),
  },
  { name: 'ChatFlow Flask, without content', answer: html(500, 265), fails: `${STATUS}500` },
  { name: 'ChatFlow Flask, without the type of JSON', answer: html(415, 215), fails: `${STATUS}415` },
  {
    name: 'ChatFlow Flask and its client',
    answer: raw(
      '{"keyboard":{"buttons":["\\uc5ec\\uc790","\\ub0a8\\uc790"],"type":"buttons"},' +
        '"message":{"message_button":null,"photo":null,"text":"\\uc131\\ubcc4?"}}\n',
    ),
    gets: gets('성별?', ['여자', '남자']),
  },
  {
    name: 'ChatFlow Rails',
    answer: raw('{"message":{"text":"안녕 😀"}}', JSON_UTF8, 200, { how: 'chunked', headers: { ETag: 'W/"1"' } }),
    gets: gets('안녕 😀'),
  },
  { name: 'ChatFlow Rails, without content', answer: raw('{"message":{"text":null}}', JSON_UTF8), fails: NOTHING },
  { name: 'ChatFlow Rails, no JSON', answer: raw('', undefined, 400), fails: `${STATUS}400` },
  {
    name: 'chatterbox',
    answer: raw(
      '{"keyboard":{"buttons":["\\uc790\\uae30\\uc18c\\uac1c"],"type":"buttons"},"message":{' +
        '"message_button":{"label":"L","url":"https://x.example/"},' +
        '"photo":{"height":401,"url":"{{base}}/photo.png","width":600},"text":"\\uc0ac\\uc9c4"}}\n',
    ),
    gets: gets('사진', ['자기소개'], { picture: true, link: LINK }),
  },
  { name: 'chatterbox, a text that it does not know', answer: html(500, 290), fails: `${STATUS}500` },
  {
    name: 'chatterbox advanced, begun',
    answer: raw('{"keyboard":{"type":"text"},"message":{"text":"1 - 100"}}\n'),
    gets: gets('1 - 100'),
  },
  {
    name: 'chatterbox advanced, guessed',
    answer: raw('{"keyboard":{"buttons":["again","home"],"type":"buttons"},"message":{"text":"right"}}\n'),
    gets: gets('right', ['again', 'home']),
  },
  {
    name: 'yellowid-flask, with members missing',
    answer: raw('{"message":{"text":"bad"},"keyboard":{"type":"buttons","buttons":["home"]}}', 'application/json', 400),
    gets: gets('bad', ['home']),
    told: 'the HTTP status is not 200',
  },
  {
    name: 'kakaoFlaskChat',
    answer: raw('{"message":{"text":"\\ub0a0\\uc528"}}', 'text/html; charset=utf-8'),
    gets: gets('날씨'),
    told: TYPE,
  },
  { name: 'Django, with a member missing', answer: html(500, 65_623), fails: `${STATUS}500` },
  {
    name: 'hallazzang aiohttp',
    answer: raw(
      '{"message": {"text": "a", "photo": {"url": "{{base}}/photo.png", "width": 8, "height": 8}, ' +
        '"message_button": {"label": "L", "url": "https://x.example/"}}}',
      JSON_UTF8,
    ),
    gets: gets('a', [], { picture: true, link: LINK }),
  },
  {
    name: 'PlusFriendBot',
    answer: raw(
      '{"message":{"text":"hi","photo":{"url":"{{base}}/photo.png","width":8,"height":8},' +
        '"messageButton":{"label":"L","url":"https://x.example/"}},"keyboard":{"type":"buttons","buttons":["a","b"]}}',
      JSON_UTF8,
    ),
    gets: gets('hi', ['a', 'b'], { picture: true, link: LINK }),
    told: 'messageButton should be message_button',
    // The original passed it over.
    strict: 'taken',
  },
  { name: 'PlusFriendBot, without send', answer: how('silent'), fails: LATE, slow: true },
  {
    name: 'KaKaoBot-Node',
    answer: json({
      message: { text: '메뉴' },
      keyboard: { type: 'buttons', buttons: ['스물두 글자나 되는 아주 긴 버튼 이름입니다요'] },
    }),
    gets: gets('메뉴', ['스물두 글자나 되는 아주 긴 버튼 이름입니다요']),
  },
  { name: 'KaKaoBot-Node, the process dies', answer: how('close'), fails: 'the connection broke' },
  {
    name: 'hapi, a type that it does not know',
    answer: raw('{"statusCode":400,"error":"Bad Request","message":"child \\"type\\" fails"}', JSON_UTF8, 400),
    fails: `${STATUS}400`,
  },
  { name: 'hapi, a body that never comes', answer: how('stall'), fails: LATE, slow: true },
  { name: 'Go', answer: raw('{"message":{"text":"a"}}', 'text/plain; charset=utf-8'), gets: gets('a'), told: TYPE },
  { name: 'Go, a panic', answer: how('close'), fails: 'the connection broke' },
  {
    name: 'Go, a percent sign',
    answer: raw('{"message":{"text":"hi 100%!d(MISSING)one"}}', 'text/plain; charset=utf-8'),
    gets: gets('hi 100%!d(MISSING)one'),
    told: TYPE,
  },
  { name: 'Go, a path that it does not know', answer: raw('', undefined), fails: NO_JSON },
  {
    name: 'PHP',
    answer: raw('\ufeff{"message":{"text":"가"}}', 'text/html; charset=UTF-8'),
    gets: gets('가'),
    told: 'a byte order mark stands in front of the JSON',
  },
  { name: 'PHP without its database', answer: html(500, 120), fails: `${STATUS}500` },
  {
    name: 'Scala Play',
    answer: json({ message: { text: 'a' }, keyboard: { type: 'error' } }),
    gets: gets('a'),
    told: "the keyboard's type is neither text nor buttons",
  },
  {
    name: 'Spring',
    answer: json({ message: { text: 'a', photo: null, message_button: null }, keyboard: null }),
    gets: gets('a'),
  },
  { name: 'Go and Dialogflow', answer: json({ message: null, keyboard: null }), fails: NOTHING },
  {
    name: 'Clojure',
    answer: json({ message: { text: 'a' }, message_button: { label: 'L', url: 'https://x.example/' } }),
    gets: gets('a', [], { link: LINK }),
    told: 'a part of the message stands beside `message`, not in it',
    strict: 'taken',
  },
  { name: 'Clojure, a text that it does not know', answer: raw('', JSON_UTF8), fails: NO_JSON },
];

const LONG = '가'.repeat(1_001);
const HUNDRED_AND_ONE = Array.from({ length: 101 }, (_, n) => `${n + 1}`);
const BUTTONS = 'a keyboard of buttons has no array of labels';
const keyboard = (buttons) => json({ message: { text: 'a' }, keyboard: { type: 'buttons', buttons } });

/** What else an answer may be, within the protocol and beside it. */
export const ODD = [
  { name: '202', answer: raw('', JSON_UTF8, 202), fails: `${STATUS}202` },
  {
    name: '202 with a message',
    answer: raw('{"message":{"text":"a"}}', JSON_UTF8, 202),
    gets: gets('a'),
    told: 'the HTTP status is not 200',
  },
  { name: '301', answer: to('{{base}}/elsewhere/message'), fails: `${STATUS}301` },
  { name: '307', answer: to('{{base}}/elsewhere/message', 307), fails: `${STATUS}307` },
  {
    name: 'gzip',
    answer: raw(gzipSync('{"message":{"text":"a"}}'), JSON_UTF8, 200, { headers: { 'Content-Encoding': 'gzip' } }),
    fails: 'the answer is compressed',
  },
  {
    name: 'EUC-KR',
    answer: raw(Buffer.from('{"message":{"text":"\xb0\xa1"}}', 'latin1'), 'application/json; charset=EUC-KR'),
    gets: gets('가'),
    // The original knew UTF-8 alone.
    strict: 'refused',
  },
  { name: 'ASP.NET', answer: json({ d: '{"message":{"text":"a"}}' }), fails: NOTHING },
  {
    name: '1,001 characters',
    answer: text(LONG),
    gets: gets(LONG.slice(0, 1_000)),
    told: 'the text has more than 1,000 characters and is cut',
    strict: 'taken',
  },
  { name: '1,000 characters', answer: text(LONG.slice(1)), gets: gets(LONG.slice(1)) },
  {
    name: '101 buttons',
    answer: keyboard(HUNDRED_AND_ONE),
    gets: gets('a', HUNDRED_AND_ONE.slice(0, 100)),
    told: 'there are more than 100 buttons; the first 100 are shown',
    strict: 'taken',
  },
  { name: 'buttons that are null', answer: keyboard(null), gets: gets('a'), told: BUTTONS },
  { name: 'buttons that are a text', answer: keyboard('b'), gets: gets('a'), told: BUTTONS },
  {
    name: 'buttons that are numbers',
    answer: keyboard([1, 2]),
    gets: gets('a', ['1', '2']),
    told: 'a number stands where a text belongs, or a text for a number',
  },
  {
    name: 'a link alone',
    answer: json({ message: { message_button: { label: 'L', url: 'https://x.example/' } } }),
    gets: gets(undefined, [], { link: LINK }),
  },
  {
    name: 'a picture with texts for its size',
    answer: json({ message: { text: 'a', photo: { url: '{{base}}/photo.png', width: '137', height: '137' } } }),
    gets: gets('a', [], { picture: true }),
    told: 'a number stands where a text belongs, or a text for a number',
  },
  {
    name: 'a link that runs a script',
    answer: json({ message: { text: 'a', message_button: { label: 'L', url: 'javascript:alert(1)' } } }),
    gets: gets('a'),
    told: 'an address is neither http nor https',
    strict: 'taken',
  },
  { name: 'a body that drips', answer: how('drip'), fails: LATE, slow: true },
];

const DEEP = 100_000;

/** What a broken or a hostile server answers. */
export const GARBAGE = [
  { name: 'a page', answer: html(200, 300), fails: NO_JSON },
  { name: 'single quotes', answer: raw("{'message':{'text':'a'}}", JSON_UTF8), fails: NO_JSON },
  { name: 'a comma too many', answer: raw('{"message":{"text":"a"},}', JSON_UTF8), fails: NO_JSON },
  { name: '10 MB', answer: text('a'.repeat(10_000_000)), fails: 'the answer is longer than 1048576 bytes' },
  { name: 'a length that is too long', answer: { ...text('a'), how: 'short' }, fails: 'the connection broke' },
  { name: 'a length that is too short', answer: { ...text('a'), how: 'long' }, fails: NO_JSON },
  {
    name: 'a gzip bomb',
    answer: raw(gzipSync(Buffer.alloc(64_000_000)), JSON_UTF8, 200, { headers: { 'Content-Encoding': 'gzip' } }),
    fails: 'the answer is compressed',
  },
  { name: 'away to the metadata', answer: to('http://169.254.169.254/latest/meta-data/', 302), fails: `${STATUS}302` },
  { name: 'a reset', answer: how('reset'), fails: 'the connection broke' },
  { name: '401', answer: html(401, 100), fails: `${STATUS}401` },
  {
    name: '429',
    answer: raw('{"message":"slow down"}', JSON_UTF8, 429, { headers: { 'Retry-After': '1' } }),
    fails: `${STATUS}429`,
  },
  { name: '500', answer: html(500, 100), fails: `${STATUS}500` },
  { name: '503', answer: raw('', undefined, 503, { headers: { 'Retry-After': '1' } }), fails: `${STATUS}503` },
  { name: '100,000 levels', answer: raw(`${'['.repeat(DEEP)}${']'.repeat(DEEP)}`, JSON_UTF8), fails: NO_JSON },
  { name: 'what is no HTTP', answer: how('noise'), fails: 'the connection broke' },
  { name: 'a number for all', answer: raw('1e999999', JSON_UTF8), fails: NO_JSON },
  { name: 'half a character', answer: raw('{"message":{"text":"\\ud83d"}}', JSON_UTF8), fails: NO_JSON },
  { name: 'a member twice', answer: raw('{"message":{"text":"a","text":"b"}}', JSON_UTF8), gets: gets('b') },
  { name: 'a NUL', answer: text('a\0b'), gets: gets('a\0b') },
  {
    name: 'no UTF-8',
    answer: raw(Buffer.from('{"message":{"text":"a\xff\xc0\xaf"}}', 'latin1'), JSON_UTF8),
    fails: NO_UTF8,
  },
  { name: 'Hangul taken apart', answer: text('가나'.normalize('NFD')), gets: gets('가나'.normalize('NFD')) },
  { name: 'a tag', answer: text('<img src=x onerror=alert(1)>'), gets: gets('<img src=x onerror=alert(1)>') },
];

/** All answers to `POST /message`, by name. */
export const MESSAGES = new Map([...RECORDED, ...ODD, ...GARBAGE].map((row) => [row.name, row]));

const INTRODUCED = ['자기소개', '사이트로 이동하기'];
const introduced = JSON.stringify({ type: 'buttons', buttons: INTRODUCED });

/** Answers to `GET /keyboard`, by the name that stands in the address: the choices that somebody who comes in has. */
export const HOMES = new Map(
  [
    { name: 'flask', answer: raw('{"type":"text"}\n'), choices: [] },
    { name: 'rails', answer: raw('{"type":"text"}', JSON_UTF8, 200, { how: 'chunked' }), choices: [] },
    { name: 'chatterbox', answer: raw(`${introduced}\n`), choices: INTRODUCED },
    { name: 'kakaoFlaskChat', answer: raw(introduced, 'text/html; charset=utf-8'), choices: INTRODUCED },
    { name: 'django', answer: raw('{"type": "text"}'), choices: [] },
    { name: 'php', answer: raw(`\ufeff${introduced}`, 'text/html; charset=UTF-8'), choices: INTRODUCED },
    { name: 'go', answer: raw(introduced, 'text/plain; charset=utf-8'), choices: INTRODUCED },
    { name: 'wrapped', answer: json({ keyboard: { type: 'buttons', buttons: ['a'] } }), choices: ['a'] },
    { name: 'moved', answer: to('{{base}}/home/chatterbox/keyboard'), choices: INTRODUCED },
    { name: 'in-circles', answer: to('{{base}}/home/in-circles/keyboard'), choices: [] },
    { name: 'metadata', answer: to('http://169.254.169.254/keyboard', 302), choices: [] },
    { name: 'missing', answer: html(404, 200), choices: [] },
    { name: 'its-404-handler', answer: text('잘못된 접근입니다!'), choices: [] },
    { name: 'error-with-a-body', answer: raw(introduced, JSON_UTF8, 500), choices: [] },
    { name: 'closed', answer: how('close'), choices: [] },
    {
      name: 'many',
      answer: json({ type: 'buttons', buttons: HUNDRED_AND_ONE }),
      choices: HUNDRED_AND_ONE.slice(0, 100),
    },
    { name: 'none', answer: json({ type: 'buttons', buttons: null }), choices: [] },
  ].map((row) => [row.name, row]),
);

/** Answers to a new friend, a block, and whoever leaves: by the name that stands in the address. All are good. */
export const FRIENDS = new Map(
  [
    { name: 'name-error', answer: html(500, 291) },
    { name: 'not-found-handler', answer: text('잘못된 접근입니다!') },
    { name: 'success-true', answer: json({ success: true }) },
    { name: 'success-message', answer: json({ message: 'SUCCESS' }) },
    { name: 'comment', answer: json({ comment: '정상 응답', message: 'SUCCESS' }) },
    { name: 'no-route', answer: html(404, 207) },
    { name: 'no-method', answer: html(405, 178) },
    { name: 'empty-object', answer: json({}) },
    { name: 'empty', answer: raw('', undefined) },
    { name: 'undefined-key', answer: raw('{"error":"user_key is undefined"}', JSON_UTF8, 500) },
    { name: 'gone', answer: how('close') },
  ].map((row) => [row.name, row]),
);
