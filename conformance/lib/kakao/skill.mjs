// Kakao i Open Builder as a skill sees it: payloads in the forms in which the platform sends them, each call given up after its
// five seconds. And what a skill calls back: the callback of a turn, and the Event API.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { until } from '../wait.mjs';

/** How long the platform waits for a skill. */
export const SKILL_PATIENCE_MS = 5_000;

/** The header that shows the secret, as it was typed into the builder. */
export const SECRET_HEADER = 'x-maru-secret';

const block = { id: '61a0c5f2d1b5f6357b1f2c11', name: '폴백 블록' };

/** A payload of a deployed bot. `more` is put over its parts. */
export function deployed(user, utterance, { userRequest = {}, action = {}, ...more } = {}) {
  return {
    intent: { ...block, extra: { reason: { code: 0, message: 'OK' } } },
    userRequest: {
      timezone: 'Asia/Seoul',
      params: { ignoreMe: 'true', surface: 'Kakaotalk.plusfriend' },
      block,
      utterance,
      lang: 'ko',
      user: {
        id: user,
        type: 'botUserKey',
        properties: {
          botUserKey: user,
          isFriend: true,
          plusfriendUserKey: 'Czs7H_QxuB00',
          bot_user_key: user,
          plusfriend_user_key: 'Czs7H_QxuB00',
        },
      },
      ...userRequest,
    },
    bot: { id: '61a0c5d3d1b5f6357b1f2c00', name: '마루' },
    action: {
      name: 'maru',
      clientExtra: null,
      params: {},
      id: '61a0c600d1b5f6357b1f2c22',
      detailParams: {},
      ...action,
    },
    contexts: [],
    flow: { trigger: { type: 'TEXT_INPUT' } },
    ...more,
  };
}

/** A payload of the builder's own console: no properties, no language, and a line break behind the words. */
export function fromConsole(user, utterance) {
  return {
    intent: { id: block.id, name: block.name },
    userRequest: {
      timezone: 'Asia/Seoul',
      params: { surface: 'BuilderBotTest', ignoreMe: 'true' },
      block,
      utterance: `${utterance}\n`,
      lang: null,
      user: { id: user, type: 'accountId' },
    },
    bot: { id: '61a0c5d3d1b5f6357b1f2c00!', name: '마루' },
    action: { name: 'maru', clientExtra: null, params: {}, id: '61a0c600d1b5f6357b1f2c22', detailParams: {} },
  };
}

/** A payload as bots of the first version were sent them. */
export function fromOldBuilder(user, utterance) {
  const payload = deployed(user, utterance, { action: { clientExtra: 'null' }, userRequest: { lang: 'kr' } });
  payload.userRequest.user = { id: user, type: 'talk_user_id', properties: {} };
  delete payload.contexts;
  delete payload.flow;
  return payload;
}

/** Somebody who talks to a bot through its skill. */
export class SkillUser {
  /** @param {{ url: string, secret: string }} skill */
  constructor(skill, id = randomUUID().replaceAll('-', '')) {
    this.skill = skill;
    this.id = id;
  }

  /** The answer to a payload. */
  async ask(payload, headers = {}) {
    const { url, secret } = this.skill;
    const answer = await fetch(url, {
      method: 'POST',
      body: typeof payload === 'string' || payload instanceof Uint8Array ? payload : JSON.stringify(payload),
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json;charset=UTF-8',
        ...(secret ? { [SECRET_HEADER]: secret } : {}),
        'X-Request-Id': randomUUID(),
        ...headers,
      },
      signal: AbortSignal.timeout(SKILL_PATIENCE_MS),
    });
    const text = await answer.text();
    return { status: answer.status, type: answer.headers.get('content-type'), body: text && JSON.parse(text) };
  }

  /** What is answered to words. As Kakao does, it shows nothing but a 200. */
  async says(utterance, more) {
    const { status, body } = await this.ask(deployed(this.id, utterance, more));
    if (status !== 200) throw new Error(`the user is shown nothing: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Presses a button, or a quick reply, as KakaoTalk does: by its words, with its extra. */
  async presses({ action, messageText, extra = null }, type = 'QUICKREPLY_BUTTON_MESSAGE') {
    if (action !== 'message') throw new Error(`nothing is said by ${action}`);
    return this.says(messageText, { action: { clientExtra: extra }, flow: { trigger: { type } } });
  }
}

/** The texts of an answer. */
export const textsOf = ({ template }) => template.outputs.flatMap(({ simpleText }) => simpleText?.text ?? []);

/** Kakao's own servers: callbacks, each good once, and the Event API. */
export class OpenBuilder {
  /** Every call: `{ path, headers, body }`. */
  calls = [];

  /** What a call is answered with: `{ status, body }`. A test may put another function here. */
  answer = () => ({ status: 200, body: { taskId: randomUUID(), status: 'SUCCESS', timestamp: Date.now() } });

  #used = new Set();

  static async start() {
    const builder = new OpenBuilder();
    builder.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const path = request.url;
      builder.calls.push({ path, method: request.method, headers: request.headers, body, at: Date.now() });
      const once = path.includes('/callback/');
      const known = once && builder.#used.has(path);
      builder.#used.add(path);
      const { status, body: answer } = known
        ? { status: 200, body: { taskId: '', status: 'FAIL', message: 'the token was used', timestamp: 0 } }
        : builder.answer({ path, body });
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
    await new Promise((resolve) => builder.server.listen(0, '127.0.0.1', resolve));
    builder.origin = `http://127.0.0.1:${builder.server.address().port}`;
    return builder;
  }

  /** The address of one callback. */
  callbackUrl(token = randomUUID()) {
    return `${this.origin}/v1/bots/61a0c5d3d1b5f6357b1f2c00/callback/${token}`;
  }

  /** Waits for so many calls whose path begins so. */
  async called(prefix, count) {
    const found = () => this.calls.filter(({ path }) => path.startsWith(prefix));
    return until(`${count} calls of ${prefix}`, () => found().length >= count && found(), { shown: () => this.calls });
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
