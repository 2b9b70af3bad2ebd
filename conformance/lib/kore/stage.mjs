// A server, a bot and a Kore app in front of it, made for one group of tests and taken away after it.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before } from 'node:test';

import { startBot, startProgram } from '../bots.mjs';
import { Maru } from '../maru.mjs';
import { HOME } from '../paths.mjs';
import { until } from '../wait.mjs';
import { addKoreApp } from './app.mjs';

/**
 * Sets the stage for the enclosing `describe`. What it returns is filled in before the first test runs.
 *
 * @param {{ bot?: string | (() => Promise<object>), settings?: Record<string, unknown>, maru?: object,
 *   server?: (options: object) => Promise<object> }} [options] `bot` is one of `bots/`, or starts another one (without
 *   it, clients talk to the echo bot of a fresh realm); `settings` are the app's; `server` starts what is talked to, if it
 *   is not one Maru; `maru` goes to it
 */
export function koreStage({ bot, settings = {}, maru: options, server = Maru.start } = {}) {
  const stage = new KoreStage();
  before(async () => {
    stage.maru = await server(options);
    stage.botId = stage.maru.bot;
    if (bot) {
      stage.bot = await (typeof bot === 'function' ? bot() : startBot(bot));
      const { name, endpoint } = stage.bot;
      const made = await stage.maru.cli('bot', 'add', name, '--kind', 'bot-framework', '--endpoint', endpoint);
      stage.botId = made.id;
    }
    stage.app = await stage.addApp({ settings });
  });
  after(() => stage.close());
  return stage;
}

class KoreStage {
  #guests = [];

  /** Another app in front of the same bot, or of another. */
  async addApp({ bot = this.botId, ...options } = {}) {
    const app = await addKoreApp(this.maru, { bot, ...options });
    // What is made on one node is known to the others within a second.
    for (const node of this.maru.nodes ?? []) {
      const asked = app.at(node.url);
      await until(`${node.name} to know the app`, async () => {
        return (await asked.grant(asked.assertion('anybody'))).status === 200;
      });
    }
    return app;
  }

  /** A socket of a user's, closed with the stage. */
  async connect(user, options) {
    return this.guest(await user.connect(options));
  }

  /** Closes `guest` before the stage is taken away, whatever becomes of the test. */
  guest(guest) {
    this.#guests.push(guest);
    return guest;
  }

  async close() {
    for (const guest of this.#guests) guest.close();
    await this.bot?.stop();
    await this.maru?.remove();
  }
}

/**
 * A BotKit server's stand-in, and the bot that Maru knows it by.
 *
 * The one place that knows these verbs.
 */
export async function addBotKit(maru, { name = 'helper', settings = {}, authentication = 'jwt' } = {}) {
  const credentials = {
    APP_ID: `cs-${randomUUID()}`,
    APP_SECRET: 'a-secret-that-the-botkit-server-has-already',
    // Of version 5, as BotKit wants it.
    BOT_ID: `st-${randomUUID().replace(/^(.{14})4/, '$15')}`,
    AUTHENTICATION: authentication,
  };
  const script = join(HOME, 'bots', 'botkit-stand-in.mjs');
  const server = await startProgram('botkit-stand-in', process.execPath, [script], credentials);
  const set = {
    url: server.url,
    app_id: credentials.APP_ID,
    app_secret: credentials.APP_SECRET,
    bot_id: credentials.BOT_ID,
    authentication,
    ...settings,
  };
  const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
  const pairs = Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${text(value)}`]);
  const made = await maru.cli('bot', 'add', name, '--kind', 'botkit', ...pairs);
  const events = async () => (await fetch(`${server.url}/events`)).json();
  return { ...server, id: made.id, credentials, made, events };
}
