// ChatFlow's clients and apps, made on the command line, and the calls that a bot's server makes with their secrets.

import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

import { Http } from '../kore/http.mjs';
import { REPOSITORY, temporaryFolder } from '../paths.mjs';

/** The scenarios of `examples/`, as they stand. */
export const COFFEE = {
  ko: join(REPOSITORY, 'examples', 'scenarios', 'coffee.ko.json'),
  en: join(REPOSITORY, 'examples', 'scenarios', 'coffee.en.json'),
};

/** Reads a scenario, to be changed by a test. */
export const scenario = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Signs a client up. */
export async function signUp(maru, name = 'A shop') {
  const made = await maru.cli('chatflow', 'sign-up', name);
  return { id: made.id, clientId: made.client_id };
}

/**
 * Makes an app of a client's, and publishes a scenario as its first version.
 *
 * @param {object} maru
 * @param {{ client?: { id: string, clientId: string }, handle?: string, file?: string | object, phone?: string }} [options]
 *   without a client one is signed up; `file` is a scenario, or where one is, or nothing to be published
 */
export async function addApp(maru, { client, handle = 'coffee', file = COFFEE.ko, phone = '010-1234-5678' } = {}) {
  const owner = client ?? (await signUp(maru));
  const add = ['chatflow', 'add', handle, '--client', owner.id, '--monitor-phone', phone, '--privacy-consent'];
  const made = await maru.cli(...add, '--handle', handle);
  const app = new App(maru, { handle, owner, clientId: owner.clientId, appId: made.app_id });
  if (file) await app.publish(file);
  return app;
}

/** One app, as its owner and the owner's server know it. */
export class App {
  /** @param {{ handle: string, owner: object, clientId: string, appId: string }} facts */
  constructor(maru, { handle, owner, clientId, appId }) {
    Object.assign(this, { maru, handle, owner, clientId, appId });
  }

  /** The same with other secrets. */
  with(facts) {
    return new App(this.maru, { ...this, ...facts });
  }

  /** The same at one node of a cluster. */
  at(node) {
    return new App(node, this);
  }

  /** Where a bot's server is pointed at, and by which secrets: the environment of the examples. */
  get env() {
    return {
      CHATFLOW_URL: `${this.maru.url}/chatflow/api/v1`,
      CHATFLOW_CLIENT_ID: this.clientId,
      CHATFLOW_APP_ID: this.appId,
    };
  }

  /** The headers of calls that have no body to put the secrets into. */
  get headers() {
    return { 'x-chatflow-client-id': this.clientId, 'x-chatflow-app-id': this.appId };
  }

  /** Keeps a scenario as the draft, and makes it the next version. */
  async publish(file) {
    await this.draft(file);
    return this.maru.cli('chatflow', 'publish', this.handle);
  }

  /** Keeps a scenario as the draft. */
  draft(file) {
    if (typeof file === 'string') return this.maru.cli('chatflow', 'draft', this.handle, file);
    const path = join(temporaryFolder('scenario'), `${this.handle}.json`);
    writeFileSync(path, JSON.stringify(file));
    return this.maru.cli('chatflow', 'draft', this.handle, path);
  }

  /** Any call of the API, as it is. */
  call(method, path, options) {
    return new Http(this.maru.url).call(method, `/chatflow/api/v1${path}`, options);
  }

  /** A call with the secrets in its body. */
  post(path, fields) {
    return this.call('POST', path, { body: { client_id: this.clientId, app_id: this.appId, ...fields } });
  }

  /** A call with the secrets in its headers. */
  ask(method, path, body) {
    return this.call(method, path, { body, headers: this.headers });
  }

  /** What the user is answered: the turn. */
  async say(user, content, more = {}) {
    const answer = await this.post('/message', { user_key: user, content, ...more });
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** The user's place. */
  async state(user) {
    const answer = await this.ask('GET', `/users/${encodeURIComponent(user)}/state`);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    return answer.body;
  }

  /**
   * An operator's order, as the pages will give it: through the socket in the data folder.
   *
   * @returns {Promise<{ status: number, body: any }>}
   */
  order(method, path, body) {
    const socketPath = join(this.maru.data, 'admin.sock');
    const headers = { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, method, path: `/v1/realms/default/chatflow${path}`, headers }, async (answer) => {
        try {
          const chunks = [];
          for await (const chunk of answer) chunks.push(chunk);
          resolve({ status: answer.statusCode, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
        } catch (error) {
          reject(error);
        }
      });
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** A turn of the test console, at any time. */
  test(user, content, now, more = {}) {
    return this.order('POST', `/apps/${this.handle}/test/message`, { user_key: user, content, now, ...more });
  }
}
