// The window of npm's kore-web-sdk, unmodified, in headless Chromium. The page comes from another origin than Maru, as it
// would on a customer's site: every call of the SDK is one that CORS must allow.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { Browser, picture } from '../../lib/browser.mjs';
import { png } from '../../lib/files.mjs';
import { BUNDLE, UPLOAD_PLUGIN, windowOptions } from '../../lib/kore/sdk.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';
import { until } from '../../lib/wait.mjs';

const play = koreStage({ bot: 'js-botbuilder', settings: { development_issuer: true } });

/** A customer's page, as the package's readme has it. */
const page = (options) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A shop</title><link rel="icon" href="data:,"></head>
<body><h1>A shop</h1>
<script src="/sdk.js"></script><script src="/upload.js"></script>
<script>
  const { chatConfig, chatWindow } = KoreChatSDK;
  Object.assign(chatConfig.botOptions, ${JSON.stringify(options)});
  Object.assign(chatConfig, { minimizeMode: false, allowLocation: false });
  const shown = new chatWindow();
  shown.installPlugin(new FileUploadPluginSDK.KoreFileUploaderPlugin());
  shown.show(chatConfig);
</script></body></html>`;

/** The site, at `localhost`; Maru is at 127.0.0.1. */
async function startSite() {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    if (pathname === '/bot.png') {
      response.writeHead(200, { 'Content-Type': 'image/png' }).end(png(32, () => [30, 90, 200]));
      return;
    }
    const scripts = { '/sdk.js': BUNDLE, '/upload.js': UPLOAD_PLUGIN };
    if (scripts[pathname]) {
      response
        .writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8' })
        .end(readFileSync(scripts[pathname]));
      return;
    }
    const options = windowOptions(play.app, play.maru.url, searchParams.get('user'));
    response.writeHead(pathname === '/' ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8' }).end(page(options));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

describe('kore-web-sdk in Chromium, cross-origin', () => {
  let site;
  let browser;
  before(async () => {
    site = await startSite();
    // The window fails at a press on a quick reply of a bot that has no picture.
    const bot = { id: play.app.botId, name: 'Kit', icon: `${site.url}bot.png` };
    await play.maru.cli('channel', 'set', play.app.channel, `bots=${JSON.stringify([bot])}`);
    browser = await Browser.open();
  });
  after(async () => {
    await browser?.close();
    site?.close();
  });

  const bubbles = async (tab) => {
    return tab.locator('.chat-container > li').evaluateAll((all) =>
      all.map((bubble) => {
        const copy = bubble.cloneNode(true);
        for (const extra of copy.querySelectorAll('.extra-info')) extra.remove();
        return copy.textContent.replace(/\s+/g, ' ').trim();
      }),
    );
  };

  const shows = (tab, ...texts) => {
    let seen;
    return until(
      `the page to show ${texts.join(' / ')}`,
      async () => {
        seen = await bubbles(tab);
        return texts.every((text, index) => seen.at(index - texts.length) === text);
      },
      { everyMs: 100, shown: () => [seen, browser.complaints] },
    );
  };

  async function open(user = `user-${randomUUID().slice(0, 8)}`) {
    const tab = await browser.visit(`${site.url}?user=${user}`);
    tab.on('response', (answer) => {
      if (answer.status() >= 400) browser.complaints.push(`${answer.status()} ${answer.url()}`);
    });
    await tab.locator('.kore-chat-footer:not(.disableFooter) .chatInputBox').waitFor();
    return { tab, user };
  }

  async function type(tab, text) {
    await tab.locator('.chatInputBox').fill(text);
    await tab.keyboard.press('Enter');
  }

  /** Presses a button, again if the window was still moving when it was pressed. */
  const press = (tab, label) =>
    until(
      `a press on ${label} to be taken`,
      async () => {
        if ((await bubbles(tab)).includes(label)) return true;
        await tab.getByText(label, { exact: true }).last().click();
        return false;
      },
      { everyMs: 500 },
    );

  test('welcome, text, a card and a press', async () => {
    const { tab, user } = await open();
    await shows(tab, `welcome ${user}`);
    await type(tab, '안녕하세요 👋');
    await shows(tab, '안녕하세요 👋', 'echo: 안녕하세요 👋');
    await picture(tab, 'kore-1-echo');
    await type(tab, 'card');
    await tab.getByText('Bow', { exact: true }).last().waitFor();
    await tab.getByText('Tea', { exact: true }).last().waitFor();
    await until('the buttons to have come to rest', async () =>
      (await bubbles(tab)).some((text) => text.includes('A hero')),
    );
    await picture(tab, 'kore-2-card');
    await press(tab, 'Tea');
    await shows(tab, 'Tea', 'echo: tea');
    await picture(tab, 'kore-3-press');
  });

  test('a picture is uploaded, comes back, and is shown', async () => {
    const { tab, user } = await open();
    await shows(tab, `welcome ${user}`);
    const buffer = png(96, (x, y) => [x * 2, y * 2, 160]);
    await tab.setInputFiles('#captureAttachmnts', { name: 'glow.png', mimeType: 'image/png', buffer });
    await tab.locator('.kore-chat-window .msgCmpt').waitFor();
    await until('the upload', async () => (await tab.locator('.upldIndc').count()) === 0);
    await type(tab, 'mirror');
    await until(
      'the bot to have it',
      async () => (await bubbles(tab)).includes(`got 1 files: glow.png:${buffer.length}`),
      { shown: () => browser.complaints },
    );
    // What the bot sends back is a picture that the page can load.
    await until(
      'the picture to be shown',
      () =>
        tab.locator('.chat-container .fromOtherUsers img').evaluateAll((all) => {
          return all.some((image) => image.complete && image.naturalWidth === 96);
        }),
      { everyMs: 100, shown: () => browser.complaints },
    );
    await picture(tab, 'kore-4-picture');
  });

  test('a page that is loaded again shows what was said, and scrolling brings the rest', async () => {
    const { tab, user } = await open();
    await shows(tab, `welcome ${user}`);
    await type(tab, 'many 23');
    await shows(tab, 'answer 23 of 23');
    await tab.reload();
    await until('the last page', async () => (await bubbles(tab)).includes('answer 23 of 23'), { everyMs: 100 });
    await tab.locator('.kore-chat-footer:not(.disableFooter) .chatInputBox').waitFor();
    await picture(tab, 'kore-5-history');
    await tab.locator('.chat-container').hover();
    await until(
      'what was before',
      async () => {
        await tab.mouse.wheel(0, -2_000);
        return (await bubbles(tab)).includes('answer 2 of 23');
      },
      { everyMs: 500, timeoutMs: 30_000 },
    );
    const answers = (await bubbles(tab)).filter((text) => text.startsWith('answer'));
    assert.deepEqual(answers, [...new Set(answers)]);
    const numbers = answers.map((text) => Number(text.split(' ')[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    await picture(tab, 'kore-6-scrolled');
  });

  test('no page complained', () => {
    assert.deepEqual(browser.complaints, []);
  });
});
