// A WebSocket that follows a conversation, and goes on after its watermark when it was cut. What it was shown stands in the
// order in which it came: botframework-directlinejs hands two sets that come close together on interleaved.

import WebSocket from 'ws';

import { sleep } from './wait.mjs';

/** How long it waits before it connects again. */
const BREATH_MS = 300;

export class Follower {
  /** Every activity that came, in order. */
  activities = [];

  /** When each of them first came, by its id. */
  arrivals = new Map();

  /** How often it had to connect again. */
  reconnects = -1;

  #watermark = '';
  #closed = false;

  /** @param {import('./rest.mjs').Rest} rest whom it asks for streams */
  constructor(rest, conversation) {
    this.rest = rest;
    this.conversation = conversation;
    this.#run();
  }

  close() {
    this.#closed = true;
    this.socket?.terminate();
  }

  async #run() {
    while (!this.#closed) {
      const url = await this.rest.reconnect(this.conversation, this.#watermark).then(({ body }) => body?.streamUrl, () => {});
      if (url && !this.#closed) await this.#follow(url);
      await sleep(BREATH_MS);
    }
  }

  /** Until the socket ends. */
  #follow(url) {
    this.reconnects += 1;
    this.socket = new WebSocket(url);
    this.socket.on('message', (data) => {
      const text = String(data);
      if (text === '') return;
      const { activities, watermark } = JSON.parse(text);
      this.activities.push(...activities);
      for (const { id } of activities) if (!this.arrivals.has(id)) this.arrivals.set(id, performance.now());
      if (watermark !== undefined) this.#watermark = watermark;
    });
    this.socket.on('error', () => {});
    return new Promise((resolve) => this.socket.once('close', resolve));
  }
}
