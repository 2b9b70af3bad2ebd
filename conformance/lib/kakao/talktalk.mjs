// Naver TalkTalk from its own side: the events that it calls a webhook with, and a stand-in for its send API, which takes
// nothing that the real one would refuse.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { until } from '../wait.mjs';

/** How long TalkTalk waits for a webhook. */
export const WEBHOOK_PATIENCE_MS = 5_000;

const CONTENTS = ['textContent', 'imageContent', 'compositeContent'];

const within = (text, max) => typeof text === 'string' && text.length >= 1 && text.length <= max;

function problemOfButton({ type, data = {} }, titleMax, urlsNeeded) {
  if (!['TEXT', 'LINK'].includes(type)) return `a button of the type ${type}`;
  if (!within(data.title, titleMax)) return `a title of ${data.title?.length} characters`;
  if (data.code !== undefined && !within(data.code, 1_000)) return 'the code of a button';
  if (type === 'LINK' && !(data.url && (!urlsNeeded || data.mobileUrl))) return 'a link without its addresses';
  return undefined;
}

function problemOfComposite(composite) {
  const { title, description, image, elementList, buttonList = [] } = composite;
  if (title !== undefined && !within(title, 200)) return 'the title of a composite';
  if (description !== undefined && !within(description, 1_000)) return 'the description of a composite';
  if (buttonList.length > 10) return `${buttonList.length} buttons`;
  if ([title, description, elementList].every((part) => part === undefined)) return 'a composite without words';
  const parts = [title, description, image, elementList, buttonList[0]].filter((part) => part !== undefined);
  if (parts.length < 2) return 'a composite of one part';
  return buttonList.map((button) => problemOfButton(button, 18, true)).find(Boolean);
}

/** What TalkTalk would find wrong with an event of a bot. */
function problemOf({ event, options = {}, ...rest }) {
  if (/\bnull\b/.test(JSON.stringify(rest).replace(/"(?:[^"\\]|\\.)*"/g, '""'))) return 'a null';
  if (event === 'action') return ['typingOn', 'typingOff'].includes(options.action) ? undefined : 'an unknown action';
  if (event === 'handover')
    return ['passThread', 'takeThread'].includes(options.control) ? undefined : 'an unknown control';
  if (event !== 'send') return `the event ${event}`;
  const contents = CONTENTS.filter((name) => rest[name] !== undefined);
  if (contents.length !== 1) return `${contents.length} contents`;
  const content = rest[contents[0]];
  const quick = content.quickReply?.buttonList ?? [];
  if (quick.length > 10) return `${quick.length} quick replies`;
  const wrong = quick.map((button) => problemOfButton(button, 10, false)).find(Boolean);
  if (wrong) return wrong;
  if (rest.textContent) return within(content.text, 10_000) ? undefined : 'the length of a text';
  if (rest.imageContent) return content.imageUrl || content.imageId ? undefined : 'a picture without an address';
  if (!(content.compositeList?.length >= 1 && content.compositeList.length <= 10)) return 'the number of composites';
  return content.compositeList.map(problemOfComposite).find(Boolean);
}

export class TalkTalk {
  /** Every event that it was sent: `{ user, event, authorization, code }`. */
  sent = [];

  /** What it refused by itself, and why. */
  problems = [];

  #codes = new Map();

  /** @param {string} key the `Authorization` that it takes */
  static async start(key) {
    const talktalk = new TalkTalk();
    talktalk.key = key;
    talktalk.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      await talktalk.#take(request, JSON.parse(Buffer.concat(chunks).toString('utf8')), response);
    });
    await new Promise((resolve) => talktalk.server.listen(0, '127.0.0.1', resolve));
    talktalk.origin = `http://127.0.0.1:${talktalk.server.address().port}`;
    return talktalk;
  }

  async #take({ method, url, headers }, { user, ...event }, response) {
    const problem = method !== 'POST' || url !== '/chatbot/v1/event' ? `${method} ${url}` : problemOf(event);
    if (problem) this.problems.push(problem);
    const wanted = this.#codes.get(user)?.shift() ?? '00';
    const code = headers.authorization === this.key ? (problem ? '02' : wanted) : '01';
    this.sent.push({ user, event, authorization: headers.authorization, code });
    if (code === 'silent') return;
    if (code === 'reset') {
      response.socket.resetAndDestroy();
      return;
    }
    if (code === '502') {
      response.writeHead(502).end('<html>');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json;charset=UTF-8' });
    response.end(
      JSON.stringify({ success: code === '00', resultCode: code, resultMessage: code === '00' ? undefined : 'no' }),
    );
    // With echo ticked in the partner center, the bot's own words come back to it.
    if (code === '00' && event.event === 'send' && this.echoTo) {
      const { event: echoedEvent, ...content } = event;
      await hook(this.echoTo, { event: 'echo', echoedEvent, user, partner: 'wc8bd0', ...content });
    }
  }

  /** The next sends to a user come to these: result codes, or `502`, `reset`, `silent`. */
  fail(user, codes) {
    this.#codes.set(user, [...codes]);
  }

  /** Waits until so many events were sent to a user, and gives them all. */
  async told(user, count) {
    const found = () => this.sent.filter((each) => each.user === user);
    await until(`${count} events to ${user}`, () => found().length >= count, { shown: found });
    return found();
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Calls a webhook with an event, as TalkTalk does. */
export async function hook(url, event, headers = {}) {
  const raw = typeof event === 'string' || event instanceof Uint8Array;
  const answer = await fetch(url, {
    method: 'POST',
    body: raw ? event : JSON.stringify(event),
    headers: { Accept: 'application/json', 'Content-Type': 'application/json;charset=UTF-8', ...headers },
    signal: AbortSignal.timeout(WEBHOOK_PATIENCE_MS),
  });
  return { status: answer.status, text: await answer.text() };
}

/** Somebody who talks to a bot through TalkTalk. */
export class TalkTalkUser {
  /**
   * @param {string} url the webhook
   * @param {TalkTalk} talktalk
   */
  constructor(url, talktalk) {
    this.url = url;
    this.talktalk = talktalk;
    this.id = randomBytes(16).toString('base64url').slice(0, 22);
  }

  /** Something happens to this user. What is answered is checked as TalkTalk does: with nothing, 200. */
  async happens(event) {
    const { status, text } = await hook(this.url, { user: this.id, ...event });
    if (status !== 200 || text !== '') throw new Error(`the webhook is switched off for this: ${status} ${text}`);
  }

  says(text, more = {}) {
    return this.happens({
      event: 'send',
      textContent: { text, inputType: 'typing' },
      options: { mobile: true },
      ...more,
    });
  }

  /** Presses a button. */
  presses({ type, data: { title, code } }) {
    if (type !== 'TEXT') throw new Error(`nothing is said by ${type}`);
    return this.happens({
      event: 'send',
      textContent: { text: title, ...(code ? { code } : {}), inputType: 'button' },
    });
  }

  /** Waits for so many events, and gives them all. */
  async told(count) {
    return (await this.talktalk.told(this.id, count)).map(({ event }) => event);
  }

  /** The texts that TalkTalk took, once there are so many. */
  async texts(count) {
    const found = () =>
      this.talktalk.sent
        .filter(({ user, code, event }) => user === this.id && code === '00' && event.textContent)
        .map(({ event }) => event.textContent.text);
    await until(`${count} texts`, () => found().length >= count, { shown: found });
    return found();
  }
}
