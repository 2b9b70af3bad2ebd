// A webhook's server: it keeps what it is asked, and a test decides what it answers.

import { createServer } from 'node:http';

/** An answer that never comes. */
export const NEVER = Symbol('never');

/** Listens until `close()`. */
export class Webhook {
  /** Every call, in order: `{ method, path, headers, body }`. */
  calls = [];

  /** What a call is answered with: an object as JSON, `{ status, type, text }`, or `NEVER`. */
  answer = () => ({});

  static async start() {
    const webhook = new Webhook();
    webhook.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('utf8');
      const { method, url: path, headers } = request;
      const call = { method, path, headers, body: text === '' ? undefined : JSON.parse(text) };
      webhook.calls.push(call);
      const given = webhook.answer(call);
      if (given === NEVER) return;
      const { status = 200, type = 'application/json', text: raw = JSON.stringify(given) } = given;
      response.writeHead(status, { 'Content-Type': type });
      response.end(raw);
    });
    await new Promise((resolve) => webhook.server.listen(0, '127.0.0.1', resolve));
    webhook.url = `http://127.0.0.1:${webhook.server.address().port}`;
    return webhook;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A scenario whose every answer comes from a webhook; `webhook` is put over the declaration of it. */
export const asking = (url, webhook = {}) => ({
  format: 'chatflow/1',
  name: 'asking',
  meta: { entry_id: 'start', exception_id: 'start' },
  webhooks: { hook: { url, timeout_ms: 2_000, ...webhook } },
  nodes: {
    start: { type: 'intent', message: { text: 'Ask me' }, to: 'hook' },
    hook: { type: 'webhook', webhook: 'hook', to: 'start' },
  },
});
