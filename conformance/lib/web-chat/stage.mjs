// A server with a web chat, a bot that answers at a number of its own, and a site of another origin; for one group of tests.

import { after, before } from 'node:test';

import { startBot } from '../bots.mjs';
import { Maru } from '../maru.mjs';
import { startSite } from './site.mjs';

/** The realm's name in the documents, by which pages call it. */
export const REALM = 'nexuscommunity.net';
/** The number at which the test's bot answers. */
export const BOT_DN = '3200';
/** The demo's virtual agent, a scenario; the group that it hands over to, and its two agents. */
export const SCENARIO_DN = '3105';
export const GROUP_DN = '3000';
export const AGENTS = ['3001', '3002'];
/** The customer of the documents. */
export const TEL = '01012345678';

/**
 * Sets the stage for the enclosing `describe`. What it returns is filled in before the first test runs.
 *
 * @param {{ settings?: Record<string, unknown> }} [options] more settings of the channel
 */
export function webChatStage({ settings = {} } = {}) {
  const stage = new WebChatStage();
  before(async () => {
    stage.site = await startSite(() => stage);
    stage.maru = await Maru.start();
    stage.bot = await startBot('js-botbuilder');
    const { name, endpoint } = stage.bot;
    const bot = await stage.maru.cli('bot', 'add', name, '--kind', 'bot-framework', '--endpoint', endpoint);
    const channel = await stage.maru.cli('channel', 'add', '--kind', 'web-chat', '--bot', bot.id);
    const origins = [stage.site.origin, stage.maru.url];
    for (const [key, value] of Object.entries({ realm_names: [REALM], origins, ...settings })) {
      await stage.maru.cli('channel', 'set', channel.id, `${key}=${JSON.stringify(value)}`);
    }
    await stage.maru.cli('dn', 'add', BOT_DN, '--kind', 'virtual', '--name', 'Test bot', '--bot', bot.id);
    stage.channel = channel.id;
  });
  after(() => stage.close());
  return stage;
}

class WebChatStage {
  /** The address of the customers' page for a number. */
  page(dn, more = {}) {
    const query = new URLSearchParams({ realm: REALM, dn_number: dn, tel_number: TEL, url: this.socket, ...more });
    return `${this.maru.url}/webchat.html?${query}`;
  }

  /** The address of the socket, as the documents have it: without a path. */
  get socket() {
    return this.maru.url.replace(/^http/, 'ws');
  }

  async close() {
    await this.bot?.stop();
    await this.maru?.remove();
    this.site?.close();
  }
}
