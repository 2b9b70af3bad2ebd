// The bot of the seed, run for real, and the people of one group, each at a client of another protocol: what one of them votes,
// all the others see.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startProgram } from '../../lib/bots.mjs';
import { addDoor, addPartner, reportsOf } from '../../lib/kakao/doors.mjs';
import { atDirectLine, atKoreWindow, atPlatform, atSkill, atTalkTalk } from '../../lib/kakao/people.mjs';
import { Platform } from '../../lib/kakao/platform.mjs';
import { SkillUser } from '../../lib/kakao/skill.mjs';
import { TalkTalk, TalkTalkUser } from '../../lib/kakao/talktalk.mjs';
import { addKoreApp } from '../../lib/kore/app.mjs';
import { KoreWindow } from '../../lib/kore/sdk.mjs';
import { lunchVoteBinary, removeTemporary, temporaryFolder } from '../../lib/paths.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const KEY = 'ct_lunch';
const HOME = ['#점심 선택', '#결과 보기', '#설정'];
const RESULTS = '#결과 보기';

describe('the lunch vote', () => {
  const play = stage();
  const folder = temporaryFolder('lunch-vote');
  const start = () => startProgram('lunch-vote', lunchVoteBinary(), [], { LUNCH_DB: join(folder, 'votes.db') });
  let partner;
  let talktalk;
  let bot;
  let people;

  before(async () => {
    [partner, talktalk] = await Promise.all([start(), TalkTalk.start(KEY)]);
    const door = await addPartner(play.maru, partner);
    bot = door.bot;
    const open = async (kind, settings) => {
      const { path, secret } = await addDoor(play.maru, kind, bot, settings);
      return { url: `${play.maru.url}${path}`, secret };
    };
    const client = await play.client({ secret: door.secret, name: 'Ara' }).connect({ withUser: true });
    const app = await addKoreApp(play.maru, { bot, settings: { development_issuer: true } });
    const window = play.guest(await KoreWindow.open(app, { user: 'bom' }));
    await until('the home keyboard', () => HOME.every((label) => window.texts.at(-1)?.includes(label)));
    const naver = await open('naver-talktalk', { send_key: KEY, api_url: talktalk.origin });
    const dan = new TalkTalkUser(naver.url, talktalk);
    await dan.happens({ event: 'open', options: { inflow: 'list', under14: false } });
    const greeting = await dan.told(2);
    assert.deepEqual(
      greeting[1].textContent.quickReply.buttonList.map(({ data }) => data.title),
      HOME,
    );
    people = {
      ara: atDirectLine(client),
      bom: atKoreWindow(window),
      chan: atSkill(new SkillUser(await open('kakao-skill'))),
      dan: atTalkTalk(dan, greeting.length),
      eun: atPlatform(new Platform((await open('kakao-plus-friend')).url), 'Czs7H_QxuB00'),
    };
  });
  after(async () => {
    await partner?.stop();
    talktalk?.stop();
    removeTemporary(folder);
    assert.deepEqual(talktalk?.problems, []);
  });

  /** What `#결과 보기` shows to somebody, line by line. */
  const results = async (who) => (await who.says(RESULTS)).text.split('\n');

  test('somebody at Direct Line makes a group, and all the others join it by its code', async () => {
    const { ara, ...others } = people;
    const made = await ara.says('#그룹 만들기');
    assert.deepEqual(made.choices, HOME);
    const [code] = made.text.match(/[2-9A-Z]{8}/);
    for (const [name, person] of Object.entries(others)) {
      const asked = await person.says('#그룹 참여');
      assert.ok(asked.text.endsWith('참여할 그룹의 코드 여덟 글자를 입력해 주세요.'), `${name}: ${asked.text}`);
      assert.deepEqual(await person.says(code), { text: made.text, choices: HOME }, name);
    }
  });

  test('a vote at Direct Line is seen at Kore.ai, and the one there at Direct Line', async () => {
    const { ara, bom } = people;
    assert.ok((await ara.presses('#점심 선택')).choices.includes('백반집'));
    assert.match((await ara.presses('백반집')).text, /^오늘의 선택: 백반집/);
    assert.deepEqual((await results(bom)).slice(0, 2), ['오늘의 점심: 5명 중 1명이 골랐습니다.', '1위 백반집 1표']);
    await bom.presses('#점심 선택');
    assert.match((await bom.presses('백반집')).text, /^오늘의 선택: 백반집/);
    const seen = await results(ara);
    assert.deepEqual(seen.slice(0, 2), ['오늘의 점심: 5명 중 2명이 골랐습니다.', '1위 백반집 2표']);
    assert.equal(seen.at(-1), '내 선택: 백반집');
  });

  test('those at KakaoTalk and at TalkTalk vote with them', async () => {
    const { ara, chan, dan, eun } = people;
    for (const person of [chan, dan, eun]) {
      const { choices } = await person.presses('#점심 선택');
      const other = choices.find((name) => name !== '백반집' && !name.startsWith('#'));
      assert.match((await person.presses(other)).text, new RegExp(`^오늘의 선택: ${other}`));
    }
    const [count, first, second] = await results(ara);
    assert.equal(count, '오늘의 점심: 5명 중 5명이 골랐습니다.');
    assert.match(first, /^1위 .+ 3표$/);
    assert.equal(second, '2위 백반집 2표');
    // One of them thinks again.
    await eun.says('#점심 선택');
    assert.match((await eun.presses('백반집')).text, /^오늘의 선택을 바꿨습니다: .+ → 백반집/);
    assert.equal((await results(dan))[1], '1위 백반집 3표');
  });

  test('the bot is killed and comes back: the votes are there, for everybody', async () => {
    const before = await results(people.ara);
    await partner.kill();
    partner = await start();
    await play.maru.cli('bot', 'set', bot, `url=${partner.url}`);
    for (const [name, person] of Object.entries(people)) {
      assert.deepEqual((await results(person)).slice(0, -1), before.slice(0, -1), name);
    }
  });

  test('nothing that the bot answered had to be put right, and nothing that was said stands in the log', async () => {
    assert.deepEqual((await reportsOf(play.maru, bot)).reports, []);
    for (const words of ['백반집', '#결과 보기', '오늘의']) assert.ok(!play.maru.log.includes(words), words);
  });
});
