// A server, a bot and the door between them, made for one group of tests and taken away after it.

import { after, before } from 'node:test';

import { startBot } from './bots.mjs';
import { Client } from './client.mjs';
import { Follower } from './follower.mjs';
import { Maru, registerBot } from './maru.mjs';
import { Rest } from './rest.mjs';

/**
 * Sets the stage for the enclosing `describe`. What it returns is filled in before the first test runs.
 *
 * @param {{ bot?: string | (() => Promise<object>), settings?: Record<string, string>, maru?: object,
 *   server?: (options: object) => Promise<object> }} [options] `bot` is one of `bots/`, or starts another one (without
 *   it, clients talk to the bot that a fresh realm has); `settings` are the channel's; `server` starts what is talked to,
 *   if it is not one Maru (`Cluster.start`); `maru` goes to it
 */
export function stage({ bot, settings, maru: options, server = Maru.start } = {}) {
  const stage = new Stage();
  before(async () => {
    stage.maru = await server(options);
    await stage.open(bot, settings);
  });
  after(() => stage.close());
  return stage;
}

class Stage {
  #guests = [];

  async open(bot, settings) {
    if (bot) {
      this.bot = await (typeof bot === 'function' ? bot() : startBot(bot));
      const { name, endpoint } = this.bot;
      const door = await registerBot(this.maru, { name, endpoint, settings });
      this.botId = door.bot;
      this.channel = door.channel;
      [this.secret, this.secondSecret] = door.secrets;
      await this.maru.allKnow?.(this.secret);
    } else {
      this.botId = this.maru.bot;
      this.secret = this.maru.secret;
    }
  }

  async close() {
    for (const guest of this.#guests) guest.close();
    await this.bot?.stop();
    await this.maru?.remove();
  }

  /** Plain calls, with the door's secret. */
  get rest() {
    return this.restAt(this.maru);
  }

  /** The same to one node of a cluster. */
  restAt(node) {
    return new Rest(node.directLine, this.secret);
  }

  /** A real client, not yet connected. Without a token or a secret among the options it has the door's secret. */
  client(options = {}) {
    const credential = options.token || options.secret ? {} : { secret: this.secret };
    return this.guest(new Client({ domain: this.maru.directLine, ...credential, ...options }));
  }

  /** A WebSocket that follows a conversation, at one node of a cluster if that is said. */
  follower(conversation, node = this.maru) {
    return this.guest(new Follower(this.restAt(node), conversation));
  }

  /** Closes `guest` before the stage is taken away, whatever becomes of the test. */
  guest(guest) {
    this.#guests.push(guest);
    return guest;
  }
}
