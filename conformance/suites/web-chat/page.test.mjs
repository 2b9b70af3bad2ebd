// The customers' page in headless Chromium: from its address alone, with a bot and a scenario, by keyboard, in both themes, and over
// everything that may happen to a link.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Browser, picture } from '../../lib/browser.mjs';
import { addApp } from '../../lib/chatflow/app.mjs';
import { png } from '../../lib/files.mjs';
import { sleep, until } from '../../lib/wait.mjs';
import { isAccessible } from '../../lib/web-chat/axe.mjs';
import { BOT_DN, SCENARIO_DN, webChatStage } from '../../lib/web-chat/stage.mjs';

const play = webChatStage();

const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

describe('webchat.html', () => {
  let browser;
  before(async () => {
    browser = await Browser.open();
  });
  after(() => browser?.close());

  /** The page, in a call. */
  async function open(dn = BOT_DN, more = {}) {
    const page = await browser.visit(play.page(dn, { lang: 'ko', ...more }));
    await standing(page, '상담 중');
    return page;
  }

  const standing = (page, text) =>
    page.locator('header [role=status]', { hasText: text }).waitFor({ timeout: 20_000 });

  /** The words of all bubbles, from the top. */
  const bubbles = (page) => page.locator('.bubble').allInnerTexts();

  const shows = (page, text, count = 1) => {
    let seen;
    return until(
      `the page to show ${text}`,
      async () => {
        seen = await bubbles(page);
        return seen.filter((bubble) => bubble.includes(text)).length >= count;
      },
      { everyMs: 100, shown: () => [seen, browser.complaints] },
    );
  };

  const field = (page) => page.getByRole('textbox', { name: /메시지|Message/ });

  async function say(page, text) {
    await field(page).fill(text);
    await field(page).press('Enter');
  }

  const pictures = async (page, name) => {
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ['light', 'dark']) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        await picture(page, `web-chat-${name}-${size}-${colorScheme}`);
      }
    }
    await page.setViewportSize(SIZES.desk);
  };

  test('reaches its call from the address alone, and drops the customer from it', async () => {
    const answers = [];
    const page = await browser.visit('about:blank');
    page.on('response', (answer) => answers.push(answer));
    await page.goto(play.page(BOT_DN));
    await standing(page, 'In chat');
    await shows(page, 'welcome');
    assert.equal(new URL(page.url()).search, '');
    const headers = await answers.find((answer) => answer.url().includes('webchat.html')).allHeaders();
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.match(headers['content-security-policy'], /require-trusted-types-for 'script'/);
    // Everything came from this server, and nothing but the page itself may be asked for again.
    for (const answer of answers) {
      assert.equal(new URL(answer.url()).origin, play.maru.url);
      if (answer.url().includes('/assets/')) assert.match((await answer.allHeaders())['cache-control'], /immutable/);
    }
    await page.close();
  });

  test('stands at the documents\' other address, too', async () => {
    const page = await browser.visit(play.page(BOT_DN).replace('/webchat.html', '/ukakao/webchat.html'));
    await standing(page, 'In chat');
    await page.close();
  });

  test('connects to no server that it was not told of', async () => {
    const sockets = [];
    const page = await browser.visit('about:blank');
    page.on('websocket', (socket) => sockets.push(socket.url()));
    await page.goto(play.page(BOT_DN, { url: 'ws://localhost:6080/', lang: 'ko' }));
    await page.getByText('이 페이지는 주소에 적힌 서버에 연결하지 않습니다.').waitFor();
    assert.deepEqual(sockets, []);
    await page.goto(`${play.maru.url}/webchat.html?lang=ko&realm=a&dn_number=1&tel_number=%ED%99%8D`);
    await page.getByText('한글은 쓸 수 없습니다').waitFor();
    await page.close();
  });

  test('says and shows text, links that are pressed, and what looks like markup', async () => {
    const page = await open();
    await say(page, '안녕하세요 https://example.com/a?b=1');
    await shows(page, 'echo: 안녕하세요');
    assert.equal(await page.locator('.bubble a[href="https://example.com/a?b=1"]').count(), 2);
    await say(page, '<img src=x onerror="document.title=1"> <b>bold</b>');
    await shows(page, 'echo: <img src=x', 1);
    assert.equal(await page.locator('.bubble img, .bubble b').count(), 0);
    await say(page, 'card');
    await page.getByRole('button', { name: 'Tea' }).click();
    await shows(page, 'echo: tea');
    // What was pressed stays, and is marked.
    await page.getByRole('button', { name: 'Tea (선택함)' }).waitFor();
    await page.close();
  });

  test('sends a picture, shows it, and gives it back', async () => {
    const page = await open();
    const picture = png(64, (x, y) => [x * 4, y * 4, 128]);
    await page.locator('input[type=file]').setInputFiles({ name: '사진.png', mimeType: 'image/png', buffer: picture });
    await shows(page, '사진.png');
    await shows(page, 'got 1 files: 사진.png');
    const shown = page.getByRole('img', { name: '사진.png 미리 보기' });
    await until('the preview', () => shown.evaluate((image) => image.complete && image.naturalWidth > 0));
    const link = page.getByRole('link', { name: '사진.png' });
    const answer = await fetch(await link.getAttribute('href'));
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), picture);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    await page.close();
  });

  test('keeps a file that is not taken, with its reason', async () => {
    const page = await open();
    const file = { name: '그림.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') };
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByText('보낼 수 없는 종류의 파일입니다.').waitFor();
    await page.getByRole('button', { name: '지우기' }).click();
    await until('it to be gone', async () => !(await bubbles(page)).join().includes('그림.svg'));
    browser.complaints = browser.complaints.filter((text) => !text.includes('415'));
    await page.close();
  });

  test('walks through a scenario by its buttons', async () => {
    const page = await open(SCENARIO_DN);
    await shows(page, '마루 커피');
    const choice = page.locator('.choice', { hasText: '주문하기' });
    await choice.click();
    await shows(page, '어떤 음료로 드릴까요?');
    // What was pressed stays readable, and is marked.
    await page.getByRole('button', { name: /주문하기.*선택함/ }).waitFor();
    await isAccessible(page, 'a scenario');
    await pictures(page, 'scenario');
    await page.getByRole('button', { name: '처음으로' }).last().click();
    await shows(page, '마루 커피', 2);
    await page.close();
  });

  test('turns the pages of a long menu', async () => {
    const choices = Array.from({ length: 23 }, (_, n) => ({ label: `메뉴 ${n + 1}`, to: 'menu' }));
    const menu = { type: 'select', message: { text: '무엇을 도와드릴까요?' }, choices };
    const meta = { entry_id: 'menu', exception_id: 'menu' };
    await addApp(play.maru, { handle: 'long', file: { format: 'chatflow/1', name: 'long', meta, nodes: { menu } } });
    const bot = await play.maru.cli('bot', 'add', 'long', '--kind', 'chatflow', '--set', 'app="long"');
    await play.maru.cli('dn', 'add', '3202', '--kind', 'virtual', '--name', '긴 메뉴', '--bot', bot.id);
    const page = await open('3202');
    const shown = (place) => page.locator('.bubble').nth(place).locator('.choice').allInnerTexts();
    const numbers = (from, count) => Array.from({ length: count }, (_, n) => `메뉴 ${from + n}`);
    await shows(page, '무엇을 도와드릴까요?');
    const next = page.getByRole('button', { name: '다음' });
    for (const [turn, from, count] of [[0, 1, 10], [1, 11, 10], [2, 21, 3], [3, 1, 10]]) {
      // Between two menus stands what was pressed.
      assert.deepEqual(await shown(turn * 2), numbers(from, count));
      if (turn === 2) await pictures(page, 'long-menu');
      if (turn < 3) await next.last().click();
      if (turn < 3) await shows(page, '무엇을 도와드릴까요?', turn + 2);
    }
    await page.locator('.bubble').nth(4).getByRole('button', { name: '메뉴 23' }).click();
    await shows(page, '무엇을 도와드릴까요?', 5);
    await page.close();
  });

  test('a Korean composition is ended by its Enter, and sent by the next', async () => {
    const page = await open();
    await field(page).focus();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Input.imeSetComposition', { text: '하', selectionStart: 1, selectionEnd: 1 });
    await devtools.send('Input.imeSetComposition', { text: '한', selectionStart: 1, selectionEnd: 1 });
    const enter = { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 };
    await devtools.send('Input.dispatchKeyEvent', enter);
    await devtools.send('Input.insertText', { text: '한' });
    await sleep(300);
    assert.equal(await field(page).inputValue(), '한');
    assert.ok(!(await bubbles(page)).includes('한'));
    await field(page).press('Enter');
    await shows(page, 'echo: 한');
    assert.equal((await bubbles(page)).filter((text) => text.trim() === '한').length, 1);
    await page.close();
  });

  test('loaded anew it shows the chat as it was, and goes on', async () => {
    const page = await open();
    await say(page, '첫째');
    await shows(page, 'echo: 첫째');
    const before = await bubbles(page);
    await page.reload();
    await standing(page, '상담 중');
    await shows(page, 'echo: 첫째');
    assert.deepEqual(await bubbles(page), before);
    await say(page, '둘째');
    await shows(page, 'echo: 둘째');
    await page.close();
  });

  test('what is written while the server is killed is sent once when it is back', async () => {
    const page = await open();
    await shows(page, 'welcome');
    await play.maru.kill();
    await page.locator('main').getByText('연결이 끊겼습니다').waitFor();
    await say(page, '끊긴 사이');
    await page.getByText('다시 연결되면 1개를 보냅니다').waitFor();
    await pictures(page, 'link-lost');
    await play.maru.up();
    await shows(page, 'echo: 끊긴 사이');
    await until('the strip to go', async () => (await page.getByText('연결이 끊겼습니다').count()) === 0);
    assert.equal((await bubbles(page)).filter((text) => text.trim() === '끊긴 사이').length, 1);
    browser.complaints.splice(0);
    await page.close();
  });

  test('is used from beginning to end by the keyboard alone', async () => {
    const page = await open();
    // The field has the focus as soon as there is something to write to.
    await until('the focus', () => field(page).evaluate((one) => one === document.activeElement));
    await page.keyboard.type('card');
    await page.keyboard.press('Enter');
    const tea = page.getByRole('button', { name: 'Tea' });
    await tea.waitFor();
    for (let n = 0; n < 30 && !(await tea.evaluate((one) => one === document.activeElement)); n++) await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await shows(page, 'echo: tea');
    const end = page.getByRole('button', { name: '상담 끝내기' });
    for (let n = 0; n < 30 && !(await end.evaluate((one) => one === document.activeElement)); n++) await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await standing(page, '상담이 끝났습니다');

    const score = page.getByRole('radio', { name: '매우 불만족' });
    await score.focus();
    for (let n = 0; n < 4; n++) await page.keyboard.press('ArrowRight');
    assert.ok(await page.getByRole('radio', { name: '매우 만족', exact: true }).isChecked());
    await page.keyboard.press('Tab');
    await page.keyboard.type('친절했어요');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('평가해 주셔서 고맙습니다.').waitFor();
    await page.getByRole('button', { name: '다시 상담하기' }).focus();
    await page.keyboard.press('Enter');
    await standing(page, '상담 중');
    assert.ok(!(await bubbles(page)).join().includes('echo: tea'));
    await page.close();
  });

  test('axe finds nothing in a call and after it, in both themes and languages', async () => {
    const page = await open();
    await say(page, 'card');
    await page.getByRole('button', { name: 'Tea' }).waitFor();
    await isAccessible(page, 'in a call');
    await pictures(page, 'in-call');
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('button', { name: 'End chat' }).click();
    await isAccessible(page, 'the question');
    await page.getByRole('dialog').getByRole('button', { name: 'End chat' }).click();
    await page.getByRole('group', { name: 'How was your chat?' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    await isAccessible(page, 'the end');
    await pictures(page, 'ended');
    await page.close();
  });

  test('nobody there is said in words, with a way to begin again', async () => {
    const page = await browser.visit(play.page('3001', { lang: 'ko' }));
    await page.getByText('지금은 상담 시간이 아니거나 상담원이 없습니다.').waitFor();
    await page.getByRole('button', { name: '다시 상담하기' }).waitFor();
    assert.equal(await page.getByRole('radio').count(), 0);
    await isAccessible(page, 'nobody there');
    await pictures(page, 'nobody');
    await page.close();
  });

  test('nothing of all this is an error of the page', () => {
    assert.deepEqual(browser.complaints, []);
  });
});
