// Customers and agents without a page: they send what they like, frame by frame.

import { randomBytes } from 'node:crypto';

import WebSocket from 'ws';

import { until } from '../wait.mjs';
import { REALM } from './stage.mjs';

const mid = () => randomBytes(12).toString('hex');

/** A socket on which requests are answered by the frame that names them. */
class Raw {
  /** Everything that came, as it was sent, and read. */
  texts = [];
  frames = [];

  async open(url, protocol, headers = {}) {
    this.socket = new WebSocket(url, protocol, { headers });
    this.socket.on('message', (data) => {
      const frame = JSON.parse(data.toString());
      this.texts.push(data.toString());
      this.frames.push(frame);
      if (frame.t === 'hb') this.socket.send(JSON.stringify({ t: 'hb.ok', d: frame.d }));
    });
    await new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
  }

  /** Asks for something, and returns the answer. */
  async ask(t, d = {}, c = undefined) {
    const i = mid().slice(0, 16);
    this.socket.send(JSON.stringify({ t, i, c, d }));
    return until(`an answer to ${t}`, () => this.frames.find(({ r }) => r === i), { everyMs: 5 });
  }

  /** Says something, and again later if it comes too fast; throws if it is not taken. */
  async say(content, more = {}, c = undefined, t = 'msg') {
    for (;;) {
      const { t: told, d } = await this.ask(t, { mid: mid(), content, ...more }, c);
      if (told === 'ok') return d;
      if (d.code !== 'rate') throw new Error(`${JSON.stringify(content)}: ${JSON.stringify(d)}`);
      await new Promise((resolve) => setTimeout(resolve, d.retry_after * 1000));
    }
  }

  until(what, wanted) {
    return until(what, () => this.frames.find(wanted), { everyMs: 20 });
  }

  close() {
    this.socket?.close();
  }
}

async function upload(url, headers, name, type, bytes) {
  const form = new FormData();
  form.append('file', new Blob([bytes], { type }), name);
  const answer = await fetch(url, { method: 'POST', headers, body: form });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(body)}`);
  return body;
}

/** A customer. */
export class RawCustomer extends Raw {
  static async call(play, dn, invite = {}) {
    const customer = new RawCustomer();
    await customer.open(`${play.socket}/nxchat/ws`, 'nxchat.v1');
    const { t, d } = await customer.ask('invite', { realm: REALM, dn, tel: '01012345678', ...invite });
    if (t !== 'welcome') throw new Error(JSON.stringify(d));
    customer.welcome = d;
    customer.url = play.maru.url;
    return customer;
  }

  answered() {
    return this.until('an answer to the call', ({ t }) => t === 'answer');
  }

  upload(name, type, bytes) {
    const { url, token } = this.welcome.upload;
    return upload(`${this.url}${url}`, { authorization: `Bearer ${token}` }, name, type, bytes);
  }
}

/** An agent. */
export class RawAgent extends Raw {
  static async signIn(maru, { name, password }) {
    const agent = new RawAgent();
    const body = JSON.stringify({ name, password });
    const headers = { origin: maru.url, 'content-type': 'application/json' };
    const answer = await fetch(`${maru.url}/agent/api/session`, { method: 'POST', headers, body });
    if (!answer.ok) throw new Error(await answer.text());
    agent.headers = { origin: maru.url, cookie: answer.headers.get('set-cookie').split(';')[0] };
    agent.url = maru.url;
    await agent.open(`${maru.url.replace(/^http/, 'ws')}/agent/ws`, 'nxdesk.v1', agent.headers);
    await agent.ask('hello');
    await agent.ask('state', { ready: true });
    return agent;
  }

  /** Takes the call that is offered, and returns its id. */
  async accepts() {
    const offered = ({ t, d }) => t === 'chat' && d.phase === 'offered';
    const { d } = await this.until('an offer', offered);
    this.frames = this.frames.filter((frame) => !offered(frame));
    const { t, d: why } = await this.ask('accept', { epoch: d.epoch }, d.c);
    if (t !== 'ok') throw new Error(JSON.stringify(why));
    return d.c;
  }

  upload(call, name, type, bytes) {
    return upload(`${this.url}/agent/api/upload?c=${call}`, this.headers, name, type, bytes);
  }
}
