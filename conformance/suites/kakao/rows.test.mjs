// Every recorded answer of a Plus Friend partner in the wild, and what else one may answer: what a Direct Line client gets
// for it, and what the bot's owner is told.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { FRIENDS, GARBAGE, HOMES, MESSAGES, ODD, PHOTO, RECORDED } from '../../bots/partner-rows.mjs';
import { addPartner, labels, reportsOf } from '../../lib/kakao/doors.mjs';
import { startPartner } from '../../lib/kakao/partner.mjs';
import { stage } from '../../lib/stage.mjs';

const NOTICE = 'no answer today';
const GREETING = 'come in';
/** However many of them fail, the partner is called. */
const BORNE = { no_answer_text: NOTICE, greeting: GREETING, handoff: true, outage_failures: 1_000_000 };

describe('what partners answer', () => {
  const play = stage();
  let partner;
  before(async () => {
    partner = await startPartner('partner-stand-in');
  });
  after(() => partner?.stop());

  /** A client at a partner of its own, whose base is this path of the stand-in. */
  async function enter(name, path = '', settings = {}) {
    const door = await addPartner(play.maru, { name, url: `${partner.url}${path}` }, { ...BORNE, ...settings });
    const client = await play.client({ secret: door.secret }).connect({ withUser: true });
    return { ...door, client, greeted: await client.hear(GREETING) };
  }

  /** Holds an answer to what a row says that a user gets. */
  async function holds(activity, { text, choices, picture = false, link }) {
    assert.equal(activity.text, text);
    assert.deepEqual(labels(activity), choices);
    const attachments = activity.attachments ?? [];
    const pictures = attachments.filter(({ contentType }) => contentType.startsWith('image/'));
    assert.equal(pictures.length, picture ? 1 : 0);
    if (picture) {
      const copied = await fetch(pictures[0].contentUrl);
      assert.ok(pictures[0].contentUrl.startsWith(play.maru.url), 'it was copied');
      assert.deepEqual(Buffer.from(await copied.arrayBuffer()), PHOTO);
    }
    const buttons = attachments.flatMap(({ content }) => content?.buttons ?? []);
    assert.deepEqual(buttons, link ? [{ type: 'openUrl', ...link }] : []);
  }

  /** What the owner is told of that was not told before, as `times` shows. */
  function newOf(before, after) {
    const key = ({ call, code, problem }) => `${call} ${code} ${problem}`;
    const seen = new Map(before.map((report) => [key(report), report.times]));
    return after.filter((report) => report.times !== (seen.get(key(report)) ?? 0));
  }

  for (const [title, rows] of Object.entries({ RECORDED, ODD, GARBAGE })) {
    describe(`answers: ${title.toLowerCase()}`, () => {
      let at;
      let known = [];
      before(async () => {
        at = await enter(`rows-${title.toLowerCase()}`);
      });

      for (const { name, gets, told, fails, slow } of rows) {
        if (slow) continue;
        test(name, async () => {
          const answer = await at.client.ask(name);
          if (fails) assert.equal(answer.text, NOTICE);
          else await holds(answer, gets);
          const { reports } = await reportsOf(play.maru, at.bot);
          const news = newOf(known, reports);
          known = reports;
          if (fails) {
            assert.equal(news.length, 1, JSON.stringify(news));
            assert.ok(news[0].code > 0);
            assert.ok(news[0].problem.startsWith(fails), news[0].problem);
          } else {
            assert.deepEqual(
              news.filter(({ code }) => code !== null),
              [],
            );
            const problems = news.map(({ problem }) => problem);
            assert.deepEqual(told ? problems.filter((problem) => problem === told) : problems, told ? [told] : []);
          }
        });
      }
    });
  }

  test('an answer that does not come, or not to its end, is waited for in vain', async () => {
    const slow = [...MESSAGES.values()].filter(({ slow }) => slow);
    assert.equal(slow.length, 3);
    await Promise.all(
      slow.map(async ({ name, fails }, index) => {
        const { client, bot } = await enter(`slow-${index}`);
        assert.equal((await client.ask(name)).text, NOTICE);
        const { reports } = await reportsOf(play.maru, bot);
        assert.deepEqual(
          reports.map(({ code }) => code),
          [204],
          name,
        );
        assert.ok(reports[0].problem.startsWith(fails), reports[0].problem);
        // It is not taken for an answer of the next one.
        assert.equal((await client.ask('ChatFlow Flask')).text, '홈버튼 1');
      }),
    );
  });

  test('strict reading refuses what the original refused', async () => {
    const { client } = await enter('strict', '', { strict: true });
    for (const { name, told, fails, slow, strict } of MESSAGES.values()) {
      if (slow) continue;
      const refused = strict ? strict === 'refused' : Boolean(told || fails);
      const answer = await client.ask(name);
      assert.equal(answer.text === NOTICE, refused, `${name}: ${answer.text}`);
    }
  });

  describe('home keyboards', () => {
    for (const { name, choices } of HOMES.values()) {
      test(name, async () => {
        const { greeted } = await enter(`home-${name}`, `/home/${name}`);
        assert.deepEqual(labels(greeted), choices);
      });
    }
  });

  describe('whatever is answered to a friend, a block and a leaver is good', () => {
    for (const name of FRIENDS.keys()) {
      test(name, async () => {
        const base = `/friends/${name}`;
        // One failure that counted would be an outage.
        const { client, channel, secret } = await enter(`friends-${name}`, base, { outage_failures: 1 });
        const [{ body }] = await partner.called(`POST ${base}/friend`, 1);
        const { user_key: key } = JSON.parse(body);
        assert.match(key, /^[A-Za-z0-9_-]{12,20}$/);
        await client.send({ type: 'endOfConversation' });
        const [left] = await partner.called(`DELETE ${base}/chat_room/`, 1);
        assert.equal(left.path, `${base}/chat_room/${key}`);
        await play.maru.cli('erase', '--user', client.user, '--channel', channel, '--yes');
        const [blocked] = await partner.called(`DELETE ${base}/friend/`, 1);
        assert.equal(blocked.path, `${base}/friend/${key}`);
        const other = await play.client({ secret }).connect({ withUser: true });
        assert.equal((await other.ask('ChatFlow Flask')).text, '홈버튼 1');
      });
    }
  });
});
