// The repository's examples, as they stand. The page of examples/web-chat is played by the suite direct-line.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startExample, startProgram } from '../../lib/bots.mjs';
import { serveFiles } from '../../lib/files.mjs';
import { addPartner, labels } from '../../lib/kakao/doors.mjs';
import { registerBot } from '../../lib/maru.mjs';
import { lunchVoteBinary, removeTemporary, temporaryFolder } from '../../lib/paths.mjs';
import { stage } from '../../lib/stage.mjs';

for (const [folder, script] of [['echo-bot-js', 'bot.mjs'], ['echo-bot-python', 'bot.py']]) {
  describe(`examples/${folder}`, () => {
    const play = stage();
    let bot;
    let secret;
    before(async () => {
      bot = await startExample(folder, script);
      [secret] = (await registerBot(play.maru, { name: 'example', endpoint: bot.endpoint })).secrets;
    });
    after(() => bot?.stop());

    test('it greets, echoes, and sends files back', async (t) => {
      const client = await play.client({ secret }).connect({ withUser: true });
      await client.hear('Welcome! Say something.');
      await client.say('마루');
      await client.hear('You said: 마루');

      const served = await serveFiles([{ name: 'tree.txt', contentType: 'text/plain', bytes: 'oak' }]);
      t.after(() => served.close());
      await client.send({ attachments: served.attachments });
      const back = await client.hear('You sent:');
      assert.equal(back.attachments[0].name, 'tree.txt');
      assert.equal(await (await fetch(back.attachments[0].contentUrl)).text(), 'oak');
    });
  });
}

describe('examples/flask-partner', () => {
  const play = stage();
  let partner;
  let door;
  before(async () => {
    partner = await startExample('flask-partner', 'bot.py');
    door = await addPartner(play.maru, partner);
  });
  after(() => partner?.stop());

  test('it passes the API test, and none of its answers has to be put right', async () => {
    const client = await play.client({ secret: door.secret }).connect({ withUser: true });
    const home = await client.hear((activity) => labels(activity).length === 3);
    assert.deepEqual(labels(home), ['영업시간', '오시는 길', '문의하기']);
    await client.say('영업시간');
    await client.hear('매일 11시부터 20시까지입니다.');
    await client.say('오시는 길');
    const way = await client.hear((activity) => activity.text?.startsWith('시청역') || activity.attachments?.length > 0);
    assert.match(JSON.stringify(way.attachments), /"openUrl".*openstreetmap/);
    await client.say('문의하기');
    assert.deepEqual(labels(await client.hear('무엇이 궁금하세요?')), []);
    await client.say('<b>주차</b>되나요?');
    await client.hear('남겨 주신 말씀: <b>주차</b>되나요?');

    const { result } = await play.maru.cli('bot', 'test', door.bot);
    assert.deepEqual(Object.values(result).map(({ status }) => status), [200, 200, 200, 200]);
    const { reports } = await play.maru.cli('bot', 'reports', door.bot);
    assert.deepEqual(reports, []);
  });
});

describe('examples/lunch-vote', () => {
  const play = stage();
  const folder = temporaryFolder('lunch-vote');
  const start = () => startProgram('lunch-vote', lunchVoteBinary(), [], { LUNCH_DB: join(folder, 'votes.db') });
  let partner;
  let door;
  before(async () => {
    partner = await start();
    door = await addPartner(play.maru, partner);
  });
  after(async () => {
    await partner?.stop();
    removeTemporary(folder);
  });

  test('two people of one group vote, and what they chose outlives a kill', async () => {
    const [ara, bom] = await Promise.all(
      ['Ara', 'Bom'].map((name) => play.client({ secret: door.secret, name }).connect({ withUser: true })),
    );
    await ara.hear((activity) => labels(activity).includes('#점심 선택'));
    await ara.say('#그룹 만들기');
    const made = await ara.hear(({ text }) => text?.startsWith('그룹에 들어왔습니다.'));
    await bom.say('#그룹 참여');
    await bom.hear('참여할 그룹의 코드 여덟 글자를 입력해 주세요.');
    await bom.say(made.text.match(/[2-9A-Z]{8}/)[0]);
    await bom.hear(made.text);

    await ara.say('#점심 선택');
    assert.ok(labels(await ara.hear('오늘 점심은 어디로 갈까요?')).includes('백반집'));
    await Promise.all([ara.say('백반집'), bom.say('백반집')]);
    await Promise.all([ara, bom].map((client) => client.hear(({ text }) => text?.startsWith('오늘의 선택: 백반집'))));

    // The same file, and the address that the new process has.
    await partner.kill();
    partner = await start();
    await play.maru.cli('bot', 'set', door.bot, `url=${partner.url}`);
    await ara.say('#결과 보기');
    const results = await ara.hear(({ text }) => text?.startsWith('오늘의 점심:'));
    assert.equal(results.text.split('\n')[1], '1위 백반집 2표');
  });
});

describe('the bot of a fresh realm', () => {
  const play = stage();

  test('it echoes', async () => {
    const client = await play.client().connect({ withUser: true });
    await client.say('anybody home?');
    await client.hear(({ type, text = '' }) => type === 'message' && text.includes('anybody home?'));
  });
});
