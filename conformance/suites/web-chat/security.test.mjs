// Script in every text field, and files that are two things at once, as a browser meets them: nothing runs on any page of ours.
// The clients that send it are no pages, so nothing is checked before it leaves them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Browser } from '../../lib/browser.mjs';
import { addApp } from '../../lib/chatflow/app.mjs';
import { png } from '../../lib/files.mjs';
import { until } from '../../lib/wait.mjs';
import { Agent, Customer } from '../../lib/web-chat/people.mjs';
import { RawAgent, RawCustomer } from '../../lib/web-chat/raw.mjs';
import { AGENTS, BOT_DN, GROUP_DN, REALM, TEL, webChatStage } from '../../lib/web-chat/stage.mjs';

/** Ways into a page. Whatever runs sets `ran`. */
const PAYLOADS = [
  '<script>ran=1</script>',
  '<img src=x onerror=ran=1>',
  '<img src onerror=ran=1>',
  '<svg onload=ran=1>',
  '<svg><script>ran=1</script>',
  '<b onmouseover=ran=1>x</b>',
  '<details open ontoggle=ran=1>',
  '<input autofocus onfocus=ran=1>',
  '<video src=x onerror=ran=1>',
  '<body onpageshow=ran=1>',
  '<iframe srcdoc="<script>parent.ran=1</script>">',
  '<iframe src=javascript:parent.ran=1>',
  '<object data=javascript:ran=1>',
  '<a href=javascript:ran=1>x</a>',
  '<math href=javascript:ran=1>x</math>',
  '<form action=javascript:ran=1><button>x',
  '<meta http-equiv=refresh content="0;url=javascript:ran=1">',
  '<base href="https://evil.example/">',
  '<link rel=stylesheet href="https://evil.example/">',
  '<style>@import "https://evil.example/"</style>',
  '<template><script>ran=1</script></template>',
  '"><script>ran=1</script>',
  "'><script>ran=1</script>",
  '" onfocus=ran=1 autofocus="',
  "' onfocus=ran=1 autofocus='",
  '</textarea><script>ran=1</script>',
  '</title><script>ran=1</script>',
  '--><script>ran=1</script>',
  ']]><script>ran=1</script>',
  '`;ran=1;`',
  '${ran=1}',
  '{{constructor.constructor("ran=1")()}}',
  '{@html "<script>ran=1</script>"}',
  'javascript:ran=1',
  'JaVaScRiPt:ran=1',
  'data:text/html,<script>ran=1</script>',
  'vbscript:ran=1',
  '&lt;script&gt;ran=1&lt;/script&gt;',
  '\\u003cscript\\u003eran=1\\u003c/script\\u003e',
  '%3Cscript%3Eran=1%3C/script%3E',
  '\u202e<script>ran=1</script>',
  '\u0000<script>ran=1</script>',
  '[x](javascript:ran=1)',
  '![x](x" onerror="ran=1)',
];

/** Those that fit into a file's name. */
const SHORT = PAYLOADS.filter((payload) => payload.length <= 24);

/** All of them in one text, with a word at the end by which a page is known to have come to it. */
const all = (mark) => `${PAYLOADS.join('\n')}\n${mark}`;

/** Runs before any page's own scripts: what is stopped by a policy is found too, since it should not have come so far. */
function watch() {
  globalThis.violations = [];
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
    globalThis.violations.push(`${effectiveDirective} ${blockedURI}`);
  });
  globalThis.alert = globalThis.confirm = globalThis.prompt = () => {
    globalThis.ran = 1;
  };
}

const play = webChatStage();

describe('script in every text field', () => {
  let browser;
  let minji;
  let hostile;
  let fields = 0;
  before(async () => {
    const { maru } = play;
    const password = 'correct horse battery';
    await maru.cli('dn', 'add', '3401', '--kind', 'agent', '--name', '<img src=x onerror=ran=1>');
    await maru.cli('dn', 'add', '3400', '--kind', 'group', '--name', '"><script>ran=1</script>');
    await maru.cli('dn', 'set', '3400', 'members=[{"dn":"3401","rank":1}]');
    const made = await maru.cli('person', 'add', 'mallory', '--name', '<svg onload=ran=1>', '--dn', '3401');
    browser = await Browser.open();
    await browser.context.addInitScript(watch);
    minji = await Agent.signIn(maru, AGENTS[0]);
    await minji.browser.context.addInitScript(watch);
    await minji.page.reload();
    await minji.page.getByText('Connected', { exact: true }).waitFor();
    hostile = await RawAgent.signIn(maru, { name: 'mallory', password: made.password ?? password });
  });
  after(async () => {
    hostile?.close();
    for (const one of [browser, minji]) await one?.close();
  });

  /** That nothing ran on a page, nothing was stopped at the last moment, and nothing of it became an element. */
  async function isQuiet(page, where) {
    // Whatever waits for the pointer or the focus gets it.
    await page.mouse.move(300, 300);
    for (let n = 0; n < 5; n++) await page.keyboard.press('Tab');
    for (const frame of page.frames()) {
      const found = await frame.evaluate(() => ({
        ran: globalThis.ran,
        violations: globalThis.violations,
        elements: [...document.querySelectorAll('*')]
          .filter((one) => [...one.attributes].some(({ name, value }) => /^on/.test(name) || /^\s*(javascript|vbscript|data:text)/i.test(value)))
          .map((one) => one.outerHTML.slice(0, 100)),
        frames: document.querySelectorAll('iframe, object, embed, base, body script:not([src])').length,
      }));
      assert.deepEqual(found, { ran: undefined, violations: [], elements: [], frames: 0 }, where);
    }
  }

  test("a customer's words on the agent's page", async (t) => {
    const words = all('첫마디');
    const page = { url: `https://shop.example/#${PAYLOADS[0]}`, title: words.slice(0, 512), ua: PAYLOADS[1] };
    await minji.ready();
    const customer = await RawCustomer.call(play, GROUP_DN, { page, lang: 'ko', first: { type: 'text', message: words } });
    await minji.offer.waitFor();
    await isQuiet(minji.page, 'the offer');
    await minji.accepts();
    await customer.answered();
    await minji.sees('첫마디');
    await customer.say({ type: 'text', message: all('둘째'), extra: PAYLOADS[0] });
    const upload = await customer.upload(`${SHORT[1]}.txt`, 'text/html', 'words');
    const half = Math.ceil(PAYLOADS.length / 3);
    for (let at = 0; at < PAYLOADS.length; at += half) {
      const links = PAYLOADS.slice(at, at + half).map((payload, n) => {
        const name = payload.slice(0, 100);
        if (n % 2) return { name, type: 'text', extra: name };
        return { name, type: 'link', url: `https://evil.example/?${encodeURIComponent(payload)}#'onmouseover=ran=1` };
      });
      await customer.say({ type: 'links', message: PAYLOADS[at], links });
    }
    for (let at = 0; at + 1 < SHORT.length; at += 2) {
      const file = (payload) => ({ name: payload, size: '1', url: `https://evil.example/'onload=ran=1`, mime_type: payload });
      await customer.say({ type: 'file', message: SHORT[at], file_data: [file(SHORT[at]), file(SHORT[at + 1])] });
    }
    await customer.say({ type: 'file', message: '', file_data: [upload] });
    const picture = await customer.upload(`${SHORT[0]}.png`, 'image/png', png(16, () => [9, 9, 9]));
    await customer.say({ type: 'file', message: '', file_data: [picture] });
    for (const payload of PAYLOADS.slice(0, 8)) {
      await customer.say({ TYPE: 'SCENARIO', MESSAGE: { SCENARIO: payload, KEYWORD: payload, MENU_ID: payload } });
    }
    await customer.say({ type: 'text', message: '끝-고객' });
    await minji.sees('끝-고객');
    await isQuiet(minji.page, 'the chat');
    await minji.page.reload();
    await minji.page.getByText('Connected', { exact: true }).waitFor();
    await isQuiet(minji.page, 'the page loaded anew');
    customer.socket.send(JSON.stringify({ t: 'bye', d: { reason: PAYLOADS[0] } }));
    await customer.until('the end', ({ t: type }) => type === 'clear');
    await customer.ask('csat', { score: 1, text: words.slice(0, 1000) });
    await isQuiet(minji.page, 'the end of the chat');
    customer.close();
    const done = minji.page.getByRole('button', { name: 'Wrap-up done' });
    if (await done.count()) await done.click();
    await minji.notReady();
    fields += 18;
    t.diagnostic(`${PAYLOADS.length} payloads, as many as fit, in 18 fields: page url, title, ua; first; text, extra; heading, link name, link extra, link url; file name, type, heading, url, name of an upload, of a picture; scenario's answer; rating`);
  });

  test("an agent's words on the customer's page, on a site's own, and on another agent's", async (t) => {
    const site = await browser.visit('about:blank');
    await site.goto(play.site.origin);
    const caller = await Customer.visit(browser, play.page('3400', { tel_number: '01099990001' }));
    const call = await hostile.accepts();
    await caller.stands('In chat');
    await hostile.say({ type: 'text', message: all('첫마디') }, {}, call);
    const links = PAYLOADS.slice(0, 20).map((payload, n) =>
      n % 2 ? { name: payload, type: 'text', extra: payload } : { name: payload, type: 'link', url: `https://evil.example/'onclick=ran=1` },
    );
    await hostile.say({ type: 'links', message: all('고르세요'), links }, {}, call);
    const file = await hostile.upload(call, `${SHORT[1]}.txt`, 'text/html', 'words');
    const picture = await hostile.upload(call, `${SHORT[0]}.png`, 'image/png', png(16, () => [9, 9, 9]));
    await hostile.say({ type: 'file', message: PAYLOADS[0], file_data: [file] }, {}, call);
    await hostile.say({ type: 'file', message: PAYLOADS[0], file_data: [picture] }, {}, call);
    await hostile.say({ type: 'text', message: all('쪽지') }, {}, call, 'note');
    await hostile.ask('hold', { on: true }, call);
    await hostile.ask('hold', { on: false }, call);
    await hostile.say({ type: 'text', message: '끝-상담원' }, {}, call);
    await caller.sees('끝-상담원');
    // What can be pressed is pressed.
    await caller.page.getByRole('button', { name: PAYLOADS[1], exact: false }).first().click();
    await isQuiet(caller.page, 'the chat');
    const [saved] = await Promise.all([
      caller.page.waitForEvent('download'),
      caller.page.getByRole('button', { name: /save|저장/i }).first().click(),
    ]);
    assert.match(saved.suggestedFilename(), /^[^<>"'/\\]+\.txt$/);
    await caller.page.reload();
    await caller.stands('In chat');
    await caller.sees('끝-상담원');
    await isQuiet(caller.page, 'the page loaded anew');
    // Another agent is given the chat with all of it, and what was written to go with it.
    await minji.ready();
    await hostile.ask('transfer', { to: AGENTS[0], comment: all('부탁').slice(0, 1000) }, call);
    await minji.offer.waitFor();
    await isQuiet(minji.page, 'the offer');
    await minji.accepts();
    await minji.sees('끝-상담원');
    await minji.sees('쪽지');
    await isQuiet(minji.page, 'the chat that was given over');
    await hostile.ask('state', { ready: false, reason: PAYLOADS[2] });
    await minji.page.getByRole('button', { name: 'Transfer', exact: true }).click();
    await minji.page.getByRole('dialog').waitFor();
    await isQuiet(minji.page, 'the list of numbers');
    await minji.page.keyboard.press('Escape');
    await minji.ends();
    await caller.stands('The chat has ended');
    await isQuiet(caller.page, 'the end');
    await caller.page.close();
    // The same by the script, in a page that shows what it is told.
    await hostile.ask('state', { ready: true });
    const dialed = await site.evaluate((given) => nxWebApi.connectChat(...given), [REALM, '3400', TEL, play.socket]);
    assert.equal(dialed, 0);
    const second = await hostile.accepts();
    await hostile.say({ type: 'text', message: all('스크립트') }, {}, second);
    await until('it to come', () => site.evaluate(() => heard.some((json) => json.includes('스크립트'))));
    assert.equal(await site.evaluate(() => globalThis.ran), undefined);
    await hostile.ask('close', { comment: PAYLOADS[0], codes: PAYLOADS.slice(0, 15) }, second);
    await site.close();
    fields += 14;
    t.diagnostic(`${PAYLOADS.length} payloads, as many as fit, in 14 fields: text; heading, link name, extra, url; file name, name of a picture, heading; note; transfer's comment; reason; comment and codes of the end; the number's and the group's names`);
  });

  test("a bot's and a scenario's words on both pages", async (t) => {
    const { maru } = play;
    const choices = PAYLOADS.slice(0, 12).map((label) => ({ label: label.slice(0, 80), to: 'menu' }));
    // A node's text has a thousand letters, and braces in it are a template's.
    const text = `${PAYLOADS.filter((payload) => !payload.includes('{{')).join('\n').slice(0, 990)}\n메뉴`;
    const menu = { type: 'select', message: { text }, choices };
    const file = {
      format: 'chatflow/1',
      name: 'hostile',
      meta: { entry_id: 'menu', exception_id: 'menu' },
      nodes: { menu },
    };
    await addApp(maru, { handle: 'hostile', file });
    const bot = await maru.cli('bot', 'add', '<img src=x onerror=ran=1>', '--kind', 'chatflow', '--set', 'app="hostile"');
    await maru.cli('dn', 'add', '3402', '--kind', 'virtual', '--name', '<svg onload=ran=1>', '--bot', bot.id);
    const caller = await Customer.visit(browser, play.page('3402', { tel_number: '01099990002' }));
    await caller.stands('In chat');
    await caller.sees('메뉴');
    await isQuiet(caller.page, 'the menu');
    await caller.page.getByRole('button', { name: 'Next' }).last().click();
    await caller.page.getByRole('button', { name: PAYLOADS[11] }).last().waitFor();
    await caller.page.getByRole('button', { name: PAYLOADS[11] }).last().click();
    await isQuiet(caller.page, 'a choice');
    await caller.page.close();
    // A bot that says what it is told to.
    const other = await Customer.visit(browser, play.page(BOT_DN, { tel_number: '01099990003' }));
    await other.stands('In chat');
    await other.says(all('되받기'));
    await until('the echo', async () => (await other.bubbles()).filter((text) => text.includes('되받기')).length > 1);
    await other.page.locator('input[type=file]').setInputFiles({ name: SHORT[1].replace('=', '-'), mimeType: 'text/html', buffer: Buffer.from(PAYLOADS[0]) });
    await other.page.getByText('Files of this kind').waitFor();
    await isQuiet(other.page, 'the echo');
    await other.page.close();
    fields += 6;
    t.diagnostic(`${PAYLOADS.length} payloads, as many as fit, in 6 fields: a scenario's text, labels, its bot's name, its number's name; a bot's text; the name of a file that is not taken`);
  });

  test('nothing of all this was an error of a page', (t) => {
    // Nobody is signed in at first, and a file is not taken.
    const expected = /status of (401|415)/;
    const complaints = [...browser.complaints, ...minji.browser.complaints].filter((text) => !expected.test(text));
    assert.deepEqual(complaints, []);
    assert.ok(PAYLOADS.length >= 40 && fields >= 38);
    t.diagnostic(`${PAYLOADS.length} payloads, ${fields} fields`);
  });
});

describe('files that are two things at once', () => {
  let browser;
  before(async () => {
    browser = await Browser.open();
  });
  after(() => browser?.close());

  test('are saved by a browser that is sent to them, and never shown', async () => {
    const customer = await RawCustomer.call(play, BOT_DN);
    await customer.answered();
    const script = '<html><script>document.title="ran"</script>';
    const picture = png(16, () => [200, 0, 0]);
    for (const [name, bytes] of [
      ['a.txt', `words ${script}`],
      ['a.csv', `=1+1,${script}`],
      ['a.pdf', `%PDF-1.7\n${script}`],
      ['a.docx', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.from(script)])],
      ['a.png', Buffer.concat([picture, Buffer.from(script)])],
      ['a.mp3', Buffer.concat([Buffer.from('ID3'), Buffer.from(script)])],
    ]) {
      const file = await customer.upload(name, 'text/html', bytes);
      const page = await browser.visit('about:blank');
      const [download] = await Promise.all([page.waitForEvent('download'), page.goto(file.url).catch(() => {})]);
      assert.equal(download.suggestedFilename(), name);
      assert.equal(page.url(), 'about:blank');
      // Nor when another page takes it for a script, a style or a frame.
      await page.goto(play.site.origin);
      const taken = await page.evaluate(async (url) => {
        const load = (tag, set) =>
          new Promise((resolve) => {
            const one = document.createElement(tag);
            one.addEventListener('load', () => resolve(true));
            one.addEventListener('error', () => resolve(false));
            set(one);
            document.head.append(one);
            setTimeout(resolve, 2000, 'silence');
          });
        const asScript = await load('script', (one) => (one.src = url));
        const asStyle = await load('link', (one) => Object.assign(one, { rel: 'stylesheet', href: url }));
        return { asScript, asStyle, title: document.title };
      }, file.url);
      assert.deepEqual(taken, { asScript: false, asStyle: false, title: 'A shop' }, name);
      if (file.preview_url) {
        const answer = await page.goto(file.preview_url);
        assert.match(answer.headers()['content-type'], /^image\//);
        assert.ok(!(await answer.body()).includes('script'));
      }
      await page.close();
    }
    customer.close();
  });
});
