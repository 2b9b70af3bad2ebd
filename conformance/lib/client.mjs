// botframework-directlinejs as published, with the few verbs that a play needs.

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

import { cuttableSockets } from './browser-globals.mjs';
import { sleep, until } from './wait.mjs';

const require = createRequire(import.meta.url);
const { ConnectionStatus, DirectLine } = require('botframework-directlinejs');

export { ConnectionStatus };

/** How long one post is tried again before the play gives up. */
const POST_PATIENCE_MS = 60_000;

/**
 * The client's clock, except that its quarter of an hour until the first token refresh passes in `firstMs`. What it then
 * does is its own.
 */
export function hastenedScheduler(firstMs) {
  const rxjs = createRequire(require.resolve('botframework-directlinejs'));
  const { async: clock } = rxjs('rxjs/scheduler/async');
  const long = 10 * 60_000;
  return {
    now: () => clock.now(),
    schedule: (work, delay, state) => clock.schedule(work, delay > long ? firstMs : delay, state),
  };
}

/** One user at one client. */
export class Client {
  #subscription;

  /**
   * @param {{ domain: string, user?: string, name?: string, resumed?: boolean } & object} options everything but the
   *   first three goes to the real client as it is: `secret` or `token`, `webSocket`, `conversationId`, `watermark` …
   */
  constructor({ user = `user-${randomUUID().slice(0, 8)}`, name = 'Ara', ...options }) {
    this.user = user;
    this.name = name;
    this.sockets = cuttableSockets();
    /** Every activity that came, in the order in which it came. */
    this.activities = [];
    /** What ended the stream of activities, if anything did. */
    this.failure = undefined;
    this.line = new DirectLine({
      pollingInterval: 200,
      // The client waits 3 to 15 seconds before it connects again; the shortest of those will do.
      random: () => 0,
      WebSocket: this.sockets.WebSocket,
      ...options,
    });
  }

  get from() {
    return { id: this.user, name: this.name };
  }

  get conversationId() {
    return this.line.conversationId;
  }

  get status() {
    return this.line.connectionStatus$.getValue();
  }

  /** Connects. Told a user id here, the client sends it with the start of the conversation. */
  async connect({ withUser = false } = {}) {
    if (withUser) this.line.setUserId(this.user);
    this.#subscription = this.line.activity$.subscribe(
      (activity) => this.activities.push(activity),
      (error) => (this.failure = error),
    );
    await until('the client to be online', () => {
      if (this.status === ConnectionStatus.FailedToConnect) throw new Error('it failed to connect');
      return this.status === ConnectionStatus.Online && this.conversationId;
    });
    return this;
  }

  /** Posts once. Gives the activity's id, or `retry` where the client could not tell how it went. */
  post(fields) {
    const activity = { type: 'message', from: this.from, locale: 'en-US', ...fields };
    return new Promise((resolve, reject) => this.line.postActivity(activity).subscribe(resolve, reject));
  }

  /**
   * Posts as an application should: when the outcome is unknown, again with the same client key, until there is an
   * answer. Gives the activity's id.
   */
  async send(fields) {
    const key = randomUUID();
    const deadline = performance.now() + POST_PATIENCE_MS;
    for (;;) {
      const id = await this.post({ ...fields, channelData: { clientActivityID: key } });
      if (id !== 'retry') return id;
      if (performance.now() > deadline) throw new Error(`no answer to a post for ${POST_PATIENCE_MS} ms`);
      await sleep(200);
    }
  }

  /** Sends a text. */
  say(text) {
    return this.send({ text });
  }

  /** Says a text, and waits for the message that is said in reply to it. */
  async ask(text) {
    const id = await this.say(text);
    return this.hear(({ replyToId, type }) => type === 'message' && replyToId === id);
  }

  /** Waits for an activity from the bot: the first that has this text, or that the function accepts. */
  async hear(wanted) {
    const accepts = typeof wanted === 'function' ? wanted : (activity) => activity.text === wanted;
    return until(
      typeof wanted === 'function' ? `an activity with ${wanted}` : `the bot to say ${JSON.stringify(wanted)}`,
      () => {
        if (this.failure) throw this.failure;
        return this.activities.find((activity) => activity.from?.id !== this.user && accepts(activity));
      },
      { shown: () => this.activities.map(({ id, type, text, from }) => ({ id, type, text, from: from?.id })) },
    );
  }

  /** Waits for the user's own activity to come back. */
  async echo(id) {
    return until(`one's own ${id} to come back`, () => this.activities.find((activity) => activity.id === id));
  }

  /** The texts heard from the bot, in order, those of one id as they last were. */
  get heard() {
    const latest = new Map();
    for (const activity of this.activities) {
      if (activity.type === 'message' && activity.from?.id !== this.user) latest.set(activity.id, activity.text);
      if (activity.type === 'messageDelete') latest.delete(activity.id);
    }
    return [...latest.values()];
  }

  /** Hangs up. Nothing of this reaches the server but the end of the socket. */
  close() {
    this.#subscription?.unsubscribe();
    this.line.end();
  }
}
