// A bot that does nothing of itself: it keeps what it is sent, and a test decides what it answers.

import { createServer } from 'node:http';

import { until } from './wait.mjs';

/** Listens until `stop()`. */
export class Recorder {
  name = 'recorder';

  /** Every request, in order: its activity, headers and body as text. */
  requests = [];

  /** What an activity is answered with: `{ status, body }`. A test may put another function here. */
  answer = () => ({ status: 200 });

  static async start() {
    const recorder = new Recorder();
    recorder.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('utf8');
      const activity = JSON.parse(text);
      recorder.requests.push({ activity, text, method: request.method, path: request.url, headers: request.headers });
      const { status, body } = await recorder.answer(activity);
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
    await new Promise((resolve) => recorder.server.listen(0, '127.0.0.1', resolve));
    recorder.endpoint = `http://127.0.0.1:${recorder.server.address().port}/api/messages`;
    return recorder;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** The requests about one conversation. */
  of(conversation) {
    return this.requests.filter(({ activity }) => activity.conversation.id === conversation);
  }

  /** Waits for the request whose activity this accepts. */
  async sent(conversation, accepts) {
    return until(
      `the bot to be sent ${accepts}`,
      () => this.of(conversation).find(({ activity }) => accepts(activity)),
      { shown: () => this.of(conversation).map(({ activity }) => activity) },
    );
  }
}
