// Headless Chromium, with an empty profile of its own and no errand on any network but the loopback interface.

import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { chromiumBinary, outFolder, removeTemporary, temporaryFolder } from './paths.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser, until `close()`. */
export class Browser {
  /** What pages complained of: uncaught errors, and console errors. */
  complaints = [];

  static async open() {
    const browser = new Browser();
    browser.profile = temporaryFolder('chromium');
    browser.context = await chromium.launchPersistentContext(browser.profile, {
      executablePath: chromiumBinary(),
      args: ARGUMENTS,
      headless: true,
      locale: 'en-US',
      viewport: { width: 800, height: 760 },
    });
    return browser;
  }

  /** A new tab at `url`. */
  async visit(url) {
    const page = await this.context.newPage();
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  async close() {
    await this.context.close();
    removeTemporary(this.profile);
  }
}

/** Keeps a picture of the page, for people to look at. */
export async function picture(page, name) {
  await page.screenshot({ path: join(outFolder('screenshots'), `${name}.png`) });
}
