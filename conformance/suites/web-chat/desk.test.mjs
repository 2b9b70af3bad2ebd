// Customers, a bot and agents at the two pages, in headless Chromium: what each says, what each may see, and who has the chat.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Browser, picture } from '../../lib/browser.mjs';
import { png } from '../../lib/files.mjs';
import { isAccessible } from '../../lib/web-chat/axe.mjs';
import { Agent, Customer } from '../../lib/web-chat/people.mjs';
import { AGENTS, GROUP_DN, SCENARIO_DN, webChatStage } from '../../lib/web-chat/stage.mjs';

const play = webChatStage();

describe('a customer and an agent', () => {
  let browser;
  let minji;
  let jiho;
  before(async () => {
    browser = await Browser.open();
    minji = await Agent.signIn(play.maru, AGENTS[0]);
    jiho = await Agent.signIn(play.maru, AGENTS[1]);
  });
  after(async () => {
    for (const one of [browser, minji, jiho]) await one?.close();
  });

  let calls = 0;
  /** A customer of their own, so that no chat is another's. */
  const customer = (dn) => Customer.visit(browser, play.page(dn, { tel_number: `0101234${String(++calls).padStart(4, '0')}` }));

  test('wait, are offered, accept, talk, and end', async () => {
    const caller = await customer(GROUP_DN);
    await caller.stands('Waiting for your turn');
    await caller.sees('Number 1 in line');
    await isAccessible(caller.page, 'in the queue');
    await picture(caller.page, 'web-chat-queue');
    await minji.ready();
    await caller.stands('Calling an agent');
    await minji.offer.waitFor();
    await isAccessible(minji.page, 'an offer');
    await picture(minji.page, 'agent-offer');
    await minji.accepts();
    await caller.stands('In chat');
    await caller.sees('김민지 has joined.');

    await caller.says('안녕하세요, 배송이 늦어요');
    await minji.sees('배송이 늦어요');
    await minji.says('죄송합니다. 확인해 드릴게요 <b>지금</b>');
    await caller.sees('확인해 드릴게요 <b>지금</b>');

    const buffer = png(48, (x, y) => [x * 5, y * 5, 90]);
    await caller.page.locator('input[type=file]').setInputFiles({ name: '영수증.png', mimeType: 'image/png', buffer });
    await minji.sees('영수증.png');
    await isAccessible(minji.page, 'an agent in a chat');
    await isAccessible(caller.page, 'a customer with an agent');
    await picture(minji.page, 'agent-in-chat');

    await minji.ends();
    await caller.stands('The chat has ended');
    await caller.page.getByRole('radio', { name: 'Very good' }).check();
    await caller.page.getByRole('button', { name: 'Send rating' }).click();
    await caller.sees('Thank you for your rating.');
    await caller.page.close();
  });

  test('what an agent notes and what a customer says to agents alone stays with agents', async () => {
    const caller = await customer(GROUP_DN);
    await minji.accepts();
    await caller.stands('In chat');
    await minji.notes('이 고객은 단골');
    await minji.sees('이 고객은 단골');
    await minji.says('무엇을 도와드릴까요?');
    await caller.sees('무엇을 도와드릴까요?');
    assert.ok(!caller.frames.join('\n').includes('단골'), 'a note is on the customer\'s wire');
    await minji.ends();
    await caller.stands('The chat has ended');
    await caller.page.close();
  });

  test('a chat is given to another agent, who has all of it, and the first one has it no more', async () => {
    const caller = await customer(GROUP_DN);
    await minji.accepts();
    await caller.stands('In chat');
    await caller.says('처음에 한 말');
    await minji.sees('처음에 한 말');
    await jiho.ready();
    await minji.transfers(AGENTS[1]);
    await jiho.accepts();
    await jiho.sees('처음에 한 말');
    await caller.sees('이지호 has joined.');
    await jiho.says('이어서 도와드릴게요');
    await caller.sees('이어서 도와드릴게요');
    await jiho.ends();
    await caller.stands('The chat has ended');
    await jiho.notReady();
    await caller.page.close();
  });

  test('a bot hands over to an agent, with what was said', async () => {
    const caller = await customer(SCENARIO_DN);
    await caller.sees('마루 커피');
    await caller.page.getByRole('button', { name: '상담원 연결' }).click();
    await minji.accepts();
    await minji.sees('마루 커피');
    await caller.sees('김민지 has joined.');
    await minji.says('사람입니다');
    await caller.sees('사람입니다');
    await minji.ends();
    await caller.stands('The chat has ended');
    await caller.page.close();
  });

  test('an agent whose page is gone: the customer is told, and the next one has the chat', async () => {
    const caller = await customer(GROUP_DN);
    await minji.accepts();
    await caller.stands('In chat');
    await jiho.ready();
    await minji.close();
    minji = undefined;
    // Half a minute is how long an agent may be away.
    await jiho.offer.waitFor({ timeout: 60_000 });
    await jiho.accepts();
    await caller.sees('이지호 has joined.');
    await jiho.says('제가 이어서 할게요');
    await caller.sees('제가 이어서 할게요');
    await jiho.ends();
    await caller.stands('The chat has ended');
    await caller.page.close();
  });

  test('a server that is killed in the middle: both sides go on where they were', async () => {
    const caller = await customer(GROUP_DN);
    await jiho.accepts();
    await caller.stands('In chat');
    await caller.says('끊기기 전');
    await jiho.sees('끊기기 전');
    await play.maru.kill();
    await caller.stands('Reconnecting');
    await caller.says('고객이 끊긴 사이');
    await jiho.page.getByText('Reconnecting').first().waitFor();
    await jiho.says('상담원이 끊긴 사이');
    await play.maru.up();
    await jiho.sees('고객이 끊긴 사이');
    await caller.sees('상담원이 끊긴 사이');
    await caller.says('다시');
    await jiho.sees('다시');
    const said = (await caller.bubbles()).map((text) => text.trim());
    for (const text of ['끊기기 전', '고객이 끊긴 사이', '상담원이 끊긴 사이', '다시']) {
      assert.equal(said.filter((one) => one === text).length, 1, `${text} in ${JSON.stringify(said)}`);
    }
    await jiho.ends();
    await caller.stands('The chat has ended');
    await caller.page.close();
  });
});
