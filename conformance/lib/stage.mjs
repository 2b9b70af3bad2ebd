// A server, a bot and the door between them, made for one group of tests and taken away after it.

import { after, before } from 'node:test';

import { startBot } from './bots.mjs';
import { Client } from './client.mjs';
import { Maru, registerBot } from './maru.mjs';
import { Rest } from './rest.mjs';

/**
 * Sets the stage for the enclosing `describe`. What it returns is filled in before the first test runs.
 *
 * @param {{ bot?: string | (() => Promise<object>), settings?: Record<string, string>, maru?: object }} [options] `bot`
 *   is one of `bots/`, or starts another one (without it, clients talk to the bot that a fresh realm has); `settings` are
 *   the channel's; `maru` goes to `Maru.start`
 */
export function stage({ bot, settings, maru: options } = {}) {
  const stage = new Stage();
  before(() => stage.open(bot, settings, options));
  after(() => stage.close());
  return stage;
}

class Stage {
  #clients = [];

  async open(bot, settings, options) {
    this.maru = await Maru.start(options);
    if (bot) {
      this.bot = await (typeof bot === 'function' ? bot() : startBot(bot));
      const { name, endpoint } = this.bot;
      const door = await registerBot(this.maru, { name, endpoint, settings });
      this.botId = door.bot;
      this.channel = door.channel;
      [this.secret, this.secondSecret] = door.secrets;
    } else {
      this.botId = this.maru.bot;
      this.secret = this.maru.secret;
    }
  }

  async close() {
    for (const client of this.#clients) client.close();
    await this.bot?.stop();
    await this.maru?.remove();
  }

  /** Plain calls, with the door's secret. */
  get rest() {
    return new Rest(this.maru.directLine, this.secret);
  }

  /** A real client, not yet connected. Without a token or a secret among the options it has the door's secret. */
  client(options = {}) {
    const credential = options.token || options.secret ? {} : { secret: this.secret };
    const client = new Client({ domain: this.maru.directLine, ...credential, ...options });
    this.#clients.push(client);
    return client;
  }
}
