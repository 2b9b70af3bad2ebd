// One socket of `/rtm/bot`, frame by frame.

import WebSocket from 'ws';

import { until } from '../wait.mjs';

/** The text of a bot's frame, by the rule of the SDK: the component's, else that of `cInfo`. */
export function frameText({ message: [{ component, cInfo }] }) {
  const text = component?.payload?.text;
  return typeof text === 'string' && text !== '' ? text : cInfo?.body;
}

/** The template in a bot's frame: what stands in the inner of its two wrappers. */
export function template({ message: [{ component }] }) {
  return component?.type === 'template' && component.payload?.type === 'template'
    ? component.payload.payload
    : undefined;
}

export class RtmSocket {
  /** Every frame that came, in order, read. */
  frames = [];

  /** The same as texts. */
  texts = [];

  /** How it ended: `{ code, reason }`. */
  end = undefined;

  #lastId = Date.now();

  /**
   * Opens a socket. One that is refused throws an error that has the answer's `status` and `text`.
   *
   * @param {string} url
   * @param {{ botInfo?: object, headers?: object, protocols?: string[], client?: string, acks?: boolean,
   *   paused?: boolean }} [options] `acks`: whether it tells what it was shown, as the SDK does with `enableAck.delivery`;
   *   `paused`: it reads nothing at all
   */
  static open(url, { botInfo, headers, protocols = [], client = 'sdk', acks = true, paused = false } = {}) {
    const socket = new RtmSocket();
    socket.url = url;
    socket.botInfo = botInfo;
    socket.client = client;
    socket.acks = acks;
    const wire = new WebSocket(url, protocols, { headers });
    socket.wire = wire;
    wire.on('message', (data, isBinary) => socket.#take(data, isBinary));
    wire.on('close', (code, reason) => (socket.end = { code, reason: String(reason) }));
    return new Promise((resolve, reject) => {
      wire.once('open', () => {
        if (paused) {
          wire.pause();
          resolve(socket);
          return;
        }
        // From its first frame on it is shown whatever is said.
        socket.hear('the first frame', () => true).then(() => resolve(socket), reject);
      });
      wire.once('unexpected-response', async (_, answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        reject(
          Object.assign(new Error(`the socket was refused: ${answer.statusCode} ${text}`), {
            status: answer.statusCode,
            text,
          }),
        );
      });
      wire.on('error', reject);
    });
  }

  #take(data, isBinary) {
    const text = String(data);
    const frame = JSON.parse(text);
    // Every web SDK parses what comes without a guard, and a tool of the vendor's indexes `type`.
    if (isBinary || typeof frame !== 'object' || typeof frame.type !== 'string') {
      throw new Error(`no client could read this frame: ${text}`);
    }
    this.texts.push(text);
    this.frames.push(frame);
    if (this.acks && frame.type === 'bot_response') this.#acknowledge(frame);
  }

  /** Tells that a message was shown. */
  #acknowledge({ timestamp, key }) {
    if (this.wire.readyState !== WebSocket.OPEN) return;
    this.send({ clientMessageId: timestamp, type: 'ack', replyto: timestamp, status: 'delivered', key, id: timestamp });
  }

  /** Sends what it is given: text as a text frame, bytes as a binary one, all else as JSON. */
  send(what) {
    this.wire.send(typeof what === 'string' || what instanceof Uint8Array ? what : JSON.stringify(what));
  }

  /** A message in the web SDK's envelope. */
  envelope(message, more = {}) {
    const id = (this.#lastId += 1);
    return {
      clientMessageId: id,
      resourceid: '/bot.message',
      message,
      botInfo: this.botInfo,
      client: this.client,
      meta: { timezone: 'Etc/UTC', locale: 'en-US' },
      id,
      ...more,
    };
  }

  /** Says something, waits until it is on record, and gives the frame that was sent. */
  async say(body, more) {
    const frame = this.envelope(typeof body === 'string' ? { body } : body, more);
    this.send(frame);
    await this.acknowledged(frame.id);
    return frame;
  }

  /** The acknowledgement of a frame: the same id, in the same JSON type. */
  acknowledged(id) {
    return this.hear(`the ack of ${JSON.stringify(id)}`, ({ type, replyto }) => type === 'ack' && replyto === id);
  }

  /** Waits for a frame. */
  hear(what, accepts) {
    return until(
      what,
      () => {
        const found = this.frames.find(accepts);
        if (!found && this.end) throw new Error(`the socket ended: ${JSON.stringify(this.end)}`);
        return found;
      },
      { shown: () => this.texts },
    );
  }

  /** Waits for a bot's message with this text, or that the function accepts. */
  heard(wanted) {
    const accepts = typeof wanted === 'function' ? wanted : (frame) => frameText(frame) === wanted;
    return this.hear(`the bot to say ${wanted}`, (frame) => frame.type === 'bot_response' && accepts(frame));
  }

  /** The bot's messages. */
  get answers() {
    return this.frames.filter(({ type }) => type === 'bot_response');
  }

  /** Their texts. */
  get said() {
    return this.answers.map(frameText);
  }

  /** Frames of one type. */
  of(wanted) {
    return this.frames.filter(({ type }) => type === wanted);
  }

  /** Waits for the end. */
  ended() {
    return until('the socket to end', () => this.end, { shown: () => this.texts.slice(-5) });
  }

  /** Hangs up as a page does that is closed. */
  close(code = 1000) {
    this.wire.close(code);
  }

  /** Breaks off without a word, as a network that goes away. */
  drop() {
    this.wire.terminate();
  }
}
