// A reverse proxy of the plainest kind in front of several servers: each request and each WebSocket goes to the next one,
// whoever asks. No sticky sessions, no health checks: it passes over a server only when nobody answers at its port.

import { createServer, request } from 'node:http';
import { connect } from 'node:net';

/** What concerns one connection alone, and is not passed on. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

export class RoundRobin {
  #next = 0;
  #sockets = new Set();

  /** The servers behind it, as `host:port`. */
  targets = [];

  static async start() {
    const proxy = new RoundRobin();
    proxy.server = createServer((incoming, answer) => proxy.#forward(incoming, answer));
    proxy.server.on('upgrade', (incoming, socket, head) => proxy.#join(incoming, socket, head));
    proxy.server.on('connection', (socket) => {
      proxy.#sockets.add(socket);
      socket.once('close', () => proxy.#sockets.delete(socket));
    });
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  close() {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #forward(incoming, answer) {
    const server = await this.#connect();
    if (!server) return refuse(answer);
    // A connection for each request: one that is kept might belong to a server that has gone.
    const outgoing = request({
      createConnection: () => server,
      method: incoming.method,
      path: incoming.url,
      headers: passedOn(incoming.rawHeaders),
      setHost: false,
    });
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode, response.statusMessage, passedOn(response.rawHeaders));
      response.pipe(answer);
      response.on('error', () => answer.destroy());
    });
    outgoing.on('error', () => (answer.headersSent ? answer.destroy() : refuse(answer)));
    answer.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  /** A WebSocket: the request as it came, and then whatever either side says. */
  async #join(incoming, client, head) {
    client.on('error', () => client.destroy());
    const server = await this.#connect();
    if (!server) {
      client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    server.on('error', () => client.destroy());
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    const lines = pairs(incoming.rawHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
    server.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
    server.write(head);
    client.pipe(server).pipe(client);
  }

  /** A connection to the next server that listens. Nothing has been sent on it, so the next one may be tried. */
  async #connect() {
    for (let tries = this.targets.length; tries > 0; tries -= 1) {
      const target = this.targets[this.#next++ % this.targets.length];
      const socket = await connected(target);
      if (socket) return socket;
    }
    return undefined;
  }
}

function connected(target) {
  const [host, port] = target.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.setNoDelay(true);
    const failed = () => resolve(undefined);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

function pairs(rawHeaders) {
  return Array.from({ length: rawHeaders.length / 2 }, (_, n) => [rawHeaders[2 * n], rawHeaders[2 * n + 1]]);
}

function passedOn(rawHeaders) {
  return pairs(rawHeaders).filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase())).flat();
}

/** Its own answer, in nobody's protocol, as a gateway gives it. */
function refuse(answer) {
  answer.writeHead(502, { 'Content-Type': 'text/plain' });
  answer.end('no server answered\n');
}
