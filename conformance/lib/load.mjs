// Writers who go on posting whatever is done to the servers, write down what was acknowledged, and hold the servers to it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { sleep, until } from './wait.mjs';

/** How long one try may take before it is given up and made again. */
const TRY_MS = 20_000;

/** How long a writer waits after a try that failed. */
const BREATH_MS = 100;

/** How long writers go on with one post. */
const POST_PATIENCE_MS = 120_000;

/** How long what was acknowledged may take to be seen by everyone, and by the bot. */
const SETTLEMENT_MS = 90_000;

const place = ({ id }) => Number(id.slice(id.indexOf('|') + 1));

const shown = ({ id, text, from }) => `${id} ${from.id}: ${text}`;

/**
 * Load on a stage whose bot is a `Recorder`. Each writer has a conversation of its own and posts one message after the
 * other, each until it is acknowledged: a try that failed or was not answered is made again under the same client key.
 */
export class Load {
  /** One for each conversation: `{ number, conversation, user, posts }`. */
  writers = [];

  /** Tries that were not acknowledged: `{ at, tookMs, node, status, body }`; the status is 0 where there was no answer. */
  refusals = [];

  /** Who follows the conversations: `{ writer, follower }`. */
  watchers = [];

  #stopped = false;
  #closed = false;
  #working = [];

  /**
   * @param {object} play the stage
   * @param {{ writers?: number, pauseMs?: number, tryMs?: number,
   *   address?: (writer: object, tries: number) => { directLine: string }, watchedAt?: { directLine: string }[] }} [options]
   *   `address` is where a try goes, and `watchedAt` are the nodes at which each conversation is followed: the proxy if
   *   not said
   */
  static async start(play, { writers = 8, pauseMs = 20, tryMs = TRY_MS, address, watchedAt } = {}) {
    const load = play.guest(new Load(play));
    for (let number = 0; number < writers; number += 1) {
      const user = `writer-${number}-${randomUUID().slice(0, 8)}`;
      const started = await play.rest.start({ user: { id: user } });
      assert.equal(started.status, 201, started.text);
      const writer = { number, user, conversation: started.body.conversationId, posts: [] };
      load.writers.push(writer);
      for (const node of watchedAt ?? [play.maru]) {
        load.watchers.push({ writer, follower: play.follower(writer.conversation, node) });
      }
    }
    load.#working = load.writers.map((writer) => load.#work(writer, pauseMs, tryMs, address ?? (() => play.maru)));
    // Whoever stops the load is told.
    for (const working of load.#working) working.catch(() => {});
    return load;
  }

  constructor(play) {
    this.play = play;
  }

  /** Every post that was acknowledged, in no order. */
  get posts() {
    return this.writers.flatMap(({ posts }) => posts);
  }

  /** The longest time between two acknowledgements, from the first to the last. */
  get longestGapMs() {
    return this.gapAfterMs(0);
  }

  /** The longest time between two acknowledgements since then. */
  gapAfterMs(since) {
    const times = this.posts.map(({ ackedAt }) => ackedAt).filter((at) => at >= since).sort((a, b) => a - b);
    if (since > 0) times.unshift(since);
    return times.slice(1).reduce((longest, time, index) => Math.max(longest, time - times[index]), 0);
  }

  /** Waits until so many more posts were acknowledged than now. */
  async goesOn(more = 10, timeoutMs = 30_000) {
    const goal = this.posts.length + more;
    await until(`${more} more posts to be acknowledged`, () => this.posts.length >= goal, { timeoutMs });
  }

  /** Has nobody post any more, acknowledged or not. */
  close() {
    this.#stopped = true;
    this.#closed = true;
  }

  /** Has every writer finish what it began. Throws if one of them was refused for good. */
  async stop() {
    this.#stopped = true;
    await Promise.all(this.#working);
  }

  async #work(writer, pauseMs, tryMs, address) {
    while (!this.#stopped) {
      const text = `${writer.number} says ${writer.posts.length + 1}`;
      writer.posts.push(await this.#post(writer, text, tryMs, address));
      await sleep(pauseMs);
    }
  }

  /** One post, until it is acknowledged. */
  async #post(writer, text, tryMs, address) {
    const key = randomUUID();
    const activity = { type: 'message', from: { id: writer.user }, text, channelData: { clientActivityID: key } };
    const deadline = performance.now() + POST_PATIENCE_MS;
    for (let tries = 0; ; tries += 1) {
      const node = address(writer, tries);
      const at = performance.now();
      const path = `/conversations/${writer.conversation}/activities`;
      const answer = await this.play.restAt(node)
        .call('POST', path, { body: activity, signal: AbortSignal.timeout(tryMs) })
        .catch((error) => ({ status: 0, text: String(error) }));
      const now = performance.now();
      if (answer.status === 200) return { text, id: answer.body.id, node, at, ackedAt: now, tries: tries + 1 };
      if (this.#closed) throw new Error('closed before it was acknowledged');
      this.refusals.push({ at, tookMs: now - at, node, status: answer.status, body: answer.body });
      // What a client may not try again is a failure; 409 would be one, too.
      const isRetryable = answer.status === 0 || answer.status === 429 || answer.status >= 500;
      assert.ok(isRetryable, `a post was refused for good: ${answer.status} ${answer.text}`);
      assert.ok(now < deadline, `a post was not acknowledged within ${POST_PATIENCE_MS} ms: ${answer.status} ${answer.text}`);
      await sleep(BREATH_MS);
    }
  }

  /**
   * Holds the servers to what they acknowledged. Every node gives the same log, with everything in it, once and in order;
   * every follower was shown exactly that; the bot was handed everything, each under one id, and nothing was given up.
   */
  async assertKept() {
    for (const writer of this.writers) await this.#assertLog(writer);
    await this.#assertHandedOver();
    const { dead_letters: dead } = await this.play.maru.cli('dead-letters', 'list');
    assert.deepEqual(dead, [], 'deliveries were given up');
  }

  async #assertLog({ conversation, user, posts }) {
    const [log, ...others] = await Promise.all(
      (this.play.maru.nodes ?? [this.play.maru]).map((node) => this.play.restAt(node).history(conversation)),
    );
    const mine = log.filter(({ from }) => from.id === user);
    assert.deepEqual(mine.map(({ text }) => text), posts.map(({ text }) => text), 'lost, doubled or out of order');
    assert.deepEqual(mine.map(({ id }) => id), posts.map(({ id }) => id), 'another id than was acknowledged');
    assert.deepEqual(log.map(place), log.map((_, index) => index), 'places are not dense');
    const times = log.map(({ timestamp }) => timestamp);
    assert.deepEqual(times, times.toSorted(), 'time ran backwards');
    for (const other of others) assert.deepEqual(other.map(shown), log.map(shown), 'two nodes give two logs');
    for (const { follower } of this.watchers.filter(({ writer }) => writer.conversation === conversation)) {
      await until('a follower to have caught up', () => follower.activities.length >= log.length, {
        timeoutMs: SETTLEMENT_MS,
        shown: () => ({ seen: follower.activities.length, of: log.length }),
      });
      assert.deepEqual(follower.activities.map(shown), log.map(shown), 'a follower was not shown the log');
    }
  }

  async #assertHandedOver() {
    const { bot } = this.play;
    for (const { conversation, posts } of this.writers) {
      const heard = () => bot.of(conversation).filter(({ activity }) => activity.type === 'message');
      const texts = posts.map(({ text }) => text);
      await until('the bot to have been handed everything', () => {
        return new Set(heard().map(({ activity }) => activity.text)).size >= texts.length;
      }, { timeoutMs: SETTLEMENT_MS, everyMs: 100, shown: () => ({ posts: posts.length, handed: heard().length }) });
      const ids = new Map();
      for (const { activity, headers } of heard()) {
        const id = headers['x-maru-delivery-id'];
        assert.equal(ids.get(activity.text) ?? id, id, 'one delivery came under two ids');
        ids.set(activity.text, id);
      }
      assert.deepEqual([...ids.keys()], texts, 'the bot was handed something else, or in another order');
      assert.equal(new Set(ids.values()).size, texts.length, 'two deliveries came under one id');
    }
  }

  /** A line for whoever reads the run. */
  get summary() {
    const again = this.posts.filter(({ tries }) => tries > 1).length;
    const gap = Math.round(this.longestGapMs);
    return `${this.posts.length} posts acknowledged, ${again} of them after more than one try; `
      + `${this.refusals.length} tries failed; longest gap ${gap} ms`;
  }
}
