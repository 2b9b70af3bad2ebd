// A NATS server of a test's own, on a free port of the loopback interface.

import { accessSync, constants } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';

import { Child, freePort } from './process.mjs';
import { until } from './wait.mjs';

/** Debian's place, which is not in everyone's PATH. */
const SBIN = '/usr/sbin';

function program() {
  const folders = [SBIN, ...(process.env.PATH ?? '').split(delimiter)];
  const found = folders.map((folder) => join(folder, 'nats-server')).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) throw new Error('no nats-server: run `apt-get install nats-server`');
  return found;
}

/** A running server. Stopping it and starting it again keep its port. */
export class Nats {
  #child;

  static async start() {
    return new Nats().up();
  }

  async up() {
    this.port ??= await freePort();
    this.#child = new Child('nats', program(), ['--addr', '127.0.0.1', '--port', String(this.port)]);
    await until('NATS', () => {
      if (this.#child.end) throw this.#child.failure('ended early');
      return answers(this.port);
    });
    return this;
  }

  /** Where it is reached; `port` may be that of something in between. */
  url(port = this.port) {
    return `nats://127.0.0.1:${port}`;
  }

  /** Ends it at once. */
  async stop() {
    await this.#child?.kill();
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
