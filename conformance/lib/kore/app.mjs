// Kore apps: made on the command line, and what their owners do with them: signing assertions.

import { createHmac, createSign, randomUUID } from 'node:crypto';

import { Http } from './http.mjs';
import { RtmSocket } from './socket.mjs';

/** What the vendor's documents name as the audience. */
export const AUDIENCE = 'https://idproxy.kore.com/authorize';

/** The ids that Kore's servers give out: a prefix and a UUID of version 5. BotKit refuses all others. */
export const kindOfId = (prefix) =>
  new RegExp(`^${prefix}-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);

/** A time as every SDK can read it: Android throws a message away that has it otherwise. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const base64url = (value) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/**
 * Signs claims with a text or a key.
 *
 * @param {object} claims
 * @param {string | import('node:crypto').KeyObject} key
 * @param {{ alg?: string, header?: object }} [options] `header` is put over the usual one
 */
export function sign(claims, key, { alg = 'HS256', header = {} } = {}) {
  const signed = `${base64url({ alg, typ: 'JWT', ...header })}.${base64url(claims)}`;
  const hash = `sha${alg.slice(2)}`;
  const signature = alg.startsWith('HS')
    ? createHmac(hash, key).update(signed).digest('base64url')
    : createSign(hash).update(signed).sign(key, 'base64url');
  return `${signed}.${signature}`;
}

/**
 * Opens a Kore app in front of a bot.
 *
 * The one place that knows these verbs.
 *
 * @param {object} maru a server, or a cluster
 * @param {{ bot: string, name?: string, settings?: Record<string, unknown> }} options
 */
export async function addKoreApp(maru, { bot, name, settings = {} }) {
  const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
  const made = await maru.cli('channel', 'add', ...(name ? [name] : []), '--kind', 'kore', '--bot', bot, ...set);
  return new KoreApp({
    base: maru.url,
    channel: made.id,
    clientId: made.settings.client_id,
    clientSecret: made.secrets[0],
    botId: made.settings.bots[0].id,
  });
}

/** One app, as its owner and its clients know it, at one server. */
export class KoreApp {
  /** @param {{ base: string, channel: string, clientId: string, clientSecret: string, botId: string }} facts */
  constructor(facts) {
    Object.assign(this, facts);
    this.http = new Http(this.base);
  }

  /** The same app at another address. */
  at(base) {
    return new KoreApp({ ...this, base });
  }

  /** What every SDK sends about the bot. */
  botInfo(more = {}) {
    return { chatBot: 'Kit', taskBotId: this.botId, ...more };
  }

  /**
   * An assertion that `sub` is who it says.
   *
   * @param {string} sub
   * @param {object} [claims] put over the usual ones; one that is undefined is left out
   * @param {{ alg?: string, header?: object, key?: any }} [options]
   */
  assertion(sub, claims = {}, { key = this.clientSecret, ...options } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: this.clientId, sub, aud: AUDIENCE, iat: now, exp: now + 600 };
    return sign({ ...usual, ...claims }, key, options);
  }

  /** The answer to a grant, in the shape in which the web SDK asks. */
  grant(assertion, { path = '/api/oAuth/token/jwtgrant', botInfo = this.botInfo() } = {}) {
    return this.http.call('POST', path, { body: { assertion, botInfo, token: {} } });
  }

  /** The answer to a start. */
  start(token, { path = '/api/rtm/start', headers, botInfo = this.botInfo(), ...more } = {}) {
    return this.http.call('POST', path, { token, headers, body: { botInfo, ...more, token: {} } });
  }

  /** A page of history. */
  history(token, query = {}, path = '/api/botmessages/rtm') {
    return this.http.call('GET', `${path}?${new URLSearchParams({ botId: this.botId, ...query })}`, { token });
  }

  /** Somebody who has been granted a token. */
  async user(sub = `user-${randomUUID().slice(0, 8)}`, options) {
    const granted = await this.grant(this.assertion(sub), options);
    if (granted.status !== 200) throw new Error(`the grant was refused: ${granted.status} ${granted.text}`);
    return new KoreUser(this, sub, granted.body);
  }
}

/** One user of one app, with a token. */
export class KoreUser {
  constructor(app, sub, granted) {
    this.app = app;
    this.sub = sub;
    this.token = granted.authorization.accessToken;
    this.id = granted.userInfo.userId;
  }

  /** The same user at another address. */
  at(base) {
    const user = Object.create(KoreUser.prototype);
    return Object.assign(user, this, { app: this.app.at(base) });
  }

  /** The address of a socket, good once. */
  async socketUrl(options) {
    const started = await this.app.start(this.token, options);
    if (started.status !== 200) throw new Error(`the start was refused: ${started.status} ${started.text}`);
    return started.body.url;
  }

  /**
   * An open socket. `query` is appended as the SDKs do, verbatim: `&isReconnect=true`.
   *
   * @returns {Promise<RtmSocket>}
   */
  async connect({ query = '', socket = {}, ...options } = {}) {
    const url = await this.socketUrl(options);
    return RtmSocket.open(`${url}${query}`, { botInfo: this.app.botInfo(), ...socket });
  }

  /** All that was said, from the beginning, page by page. */
  async log() {
    const pages = [];
    for (let offset = 0; ; offset += 50) {
      const page = await this.app.history(this.token, { limit: 50, offset });
      if (page.status !== 200) throw new Error(`history: ${page.status} ${page.text}`);
      pages.unshift(page.body.messages);
      if (!page.body.moreAvailable) return pages.flat();
    }
  }
}

/** The text of an entry of the history: what the user reads there. */
export const textOf = ({ components }) => components[0].data.text;
