// A line between a client and a server on this machine that can fail as networks do: held up in one direction or both,
// slow, losing everything, or cut.

import { connect, createServer } from 'node:net';

/** @typedef {'up' | 'down'} Direction `up` is towards the server */

const BOTH = ['up', 'down'];

export class Wire {
  #calls = new Set();
  /** What becomes of bytes, in each direction: they pass, are held, or are lost. */
  #fate = { up: 'pass', down: 'pass' };
  #delayMs = 0;
  #isCut = false;

  /** A line to a port of the loopback interface. */
  static async to(port) {
    const wire = new Wire();
    wire.server = createServer({ allowHalfOpen: true }, (near) => wire.#call(near, port));
    await new Promise((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    wire.port = wire.server.address().port;
    return wire;
  }

  /**
   * Holds what is sent until the line is healed. TCP sends again what was lost, so this is what a partition looks like
   * from both ends: silence, and then everything, a COMMIT of long ago among it.
   *
   * @param {Direction[]} directions
   */
  hold(directions = BOTH) {
    for (const direction of directions) this.#fate[direction] = 'hold';
    this.#flow();
  }

  /** Loses every byte, in both directions. */
  lose() {
    for (const direction of BOTH) this.#fate[direction] = 'lose';
    this.#flow();
  }

  /** Makes everything take so much longer, in each direction. */
  delay(milliseconds) {
    this.#delayMs = milliseconds;
  }

  /** Breaks every connection, and takes no new one. */
  cut() {
    this.#isCut = true;
    this.#break();
  }

  /** All is well again. */
  heal() {
    this.#isCut = false;
    this.#delayMs = 0;
    for (const direction of BOTH) this.#fate[direction] = 'pass';
    this.#flow();
  }

  /** Takes the line away. */
  close() {
    this.cut();
    this.server.close();
  }

  #break() {
    for (const { near, far } of this.#calls) {
      reset(near);
      reset(far);
    }
  }

  /** Reads only where something may pass. */
  #flow() {
    for (const call of this.#calls) this.#flowOf(call);
  }

  #flowOf({ near, far }) {
    for (const [direction, socket] of [['up', near], ['down', far]]) {
      if (this.#fate[direction] === 'hold') socket.pause();
      else socket.resume();
    }
  }

  #call(near, port) {
    if (this.#isCut) {
      reset(near);
      return;
    }
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const call = { near, far };
    this.#calls.add(call);
    for (const [from, to, direction] of [[near, far, 'up'], [far, near, 'down']]) {
      const queue = new Queue();
      const later = (act) => queue.push(act, this.#delayMs);
      from.on('data', (bytes) => {
        if (this.#fate[direction] === 'pass') later(() => to.writable && to.write(bytes));
      });
      from.on('end', () => later(() => to.end()));
      // Whoever hangs up hard is heard at once: there is no way to hold that.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        later(() => to.destroySoon());
        this.#calls.delete(call);
      });
    }
    this.#flowOf(call);
  }
}

/** Breaks a connection. One that is being shut down cannot be reset any more, and would stay. */
function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** What is to be done later, one after the other, however the delay changes. */
class Queue {
  #waiting = [];

  push(act, delayMs) {
    this.#waiting.push({ act, due: performance.now() + delayMs });
    if (this.#waiting.length === 1) this.#run();
  }

  #run() {
    while (this.#waiting.length > 0) {
      const [{ act, due }] = this.#waiting;
      const left = due - performance.now();
      if (left > 0) {
        setTimeout(() => this.#run(), left);
        return;
      }
      act();
      this.#waiting.shift();
    }
  }
}
