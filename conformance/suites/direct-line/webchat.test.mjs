// botframework-webchat from npm in headless Chromium, on the page of examples/web-chat, with a botbuilder bot behind Maru.
// The page comes from another origin than Maru, as it would on a customer's site.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startExample } from '../../lib/bots.mjs';
import { Browser, picture } from '../../lib/browser.mjs';
import { png } from '../../lib/files.mjs';
import { stage } from '../../lib/stage.mjs';
import { PATIENCE_MS, until } from '../../lib/wait.mjs';

describe('botframework-webchat in Chromium', () => {
  const play = stage({ bot: 'js-botbuilder' });
  let site;
  let browser;
  before(async () => {
    site = await startExample('web-chat', 'server.mjs', { MARU_URL: play.maru.url, MARU_SECRET: play.secret });
    browser = await Browser.open();
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
  });

  /** The texts of all bubbles, from the top. */
  const bubbles = async (page) =>
    (await page.locator('.webchat__bubble__content').allInnerTexts()).map((text) => text.trim());

  /** Waits until the last bubbles read `texts`. */
  const shows = (page, ...texts) => {
    let seen;
    return until(
      `the page to show ${texts.join(' / ')}`,
      async () => {
        seen = await bubbles(page);
        return texts.every((text, n) => seen.at(n - texts.length) === text);
      },
      { everyMs: 100, shown: () => seen },
    );
  };

  const type = async (page, text) => {
    await page.getByLabel('Message input box').fill(text);
    await page.keyboard.press('Enter');
  };

  const kept = (page) => page.evaluate(() => JSON.parse(sessionStorage.getItem('maru')));

  /** Waits until no bubble is still on its way, and fails if one could not be sent. */
  const delivered = (page) =>
    until('all to be sent', async () => {
      const states = (await page.locator('.webchat__activity-status').allInnerTexts()).join(' ');
      assert.ok(!states.includes('Send failed'), states);
      return !states.includes('Sending');
    });

  /** Waits until the page says no more that it is connecting: Web Chat keeps the words up for a moment. */
  const connected = (page) =>
    until('the page to be connected', async () => !(await page.locator('body').innerText()).includes('Connecting'));

  test('welcome, a message, its echo, an image, and all of it again after a reload', async () => {
    const page = await browser.visit(site.url);
    await page.locator('.webchat__bubble__content').first().waitFor({ timeout: PATIENCE_MS });
    const { userId, conversationId } = await kept(page);
    await shows(page, `welcome ${userId}`);

    await type(page, '안녕하세요 <b>마루</b>');
    await shows(page, '안녕하세요 <b>마루</b>', 'echo: 안녕하세요 마루');
    await delivered(page);
    await picture(page, 'webchat-1-echo');

    const buffer = png(96, (x, y) => [x * 2, y * 2, 160]);
    await page.setInputFiles('input[type=file]', { name: 'glow.png', mimeType: 'image/png', buffer });
    await page.locator('.webchat__attachment-icon--checked').waitFor();
    await type(page, 'mirror');
    await shows(page, `got 1 files: glow.png:${buffer.length}`, '');
    // The user's own bubble shows the thumbnail that the client made, the bot's the file itself.
    const images = page.locator('.webchat__bubble__content img');
    const widths = () => images.evaluateAll((all) => all.map((image) => image.complete && image.naturalWidth));
    const shown = async () => {
      const [own, back] = await widths();
      return own > 0 && back === 96;
    };
    await until('both images to be shown', shown, { everyMs: 100 });
    await delivered(page);
    await picture(page, 'webchat-2-image');
    const before = await bubbles(page);

    await page.reload();
    await shows(page, `got 1 files: glow.png:${buffer.length}`, '');
    assert.deepEqual(await bubbles(page), before);
    assert.equal((await kept(page)).conversationId, conversationId);
    await until('both images to be shown again', shown, { everyMs: 100 });
    await type(page, 'still here');
    await shows(page, 'still here', 'echo: still here');
    await delivered(page);
    await connected(page);
    await picture(page, 'webchat-3-reloaded');
  });

  test('suggested actions are buttons, and a card is a card', async () => {
    const page = await browser.visit(site.url);
    await page.locator('.webchat__bubble__content').first().waitFor({ timeout: PATIENCE_MS });
    await type(page, 'card');
    const tea = page.getByRole('toolbar', { name: 'Suggested actions' }).getByRole('button', { name: 'Tea' });
    await tea.waitFor();
    await page.locator('.webchat__bubble__content').getByRole('button', { name: 'Bow' }).waitFor();
    await connected(page);
    await picture(page, 'webchat-4-card');
    await tea.click();
    await shows(page, 'tea', 'echo: tea');
  });

  test('a changed message changes in place', async () => {
    const page = await browser.visit(site.url);
    await page.locator('.webchat__bubble__content').first().waitFor({ timeout: PATIENCE_MS });
    await type(page, 'update');
    await shows(page, 'update', 'after');
    assert.ok(!(await bubbles(page)).includes('before'));
  });

  test('no page complained', () => {
    assert.deepEqual(browser.complaints, []);
  });
});
