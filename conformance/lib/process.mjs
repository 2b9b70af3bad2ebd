// Child processes: started with their output in a log file, stopped by their own handle, never left behind.

import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { outFolder } from './paths.mjs';
import { PATIENCE_MS } from './wait.mjs';

const running = new Set();

// A test process that ends for whatever reason takes its children with it, before their folders go.
process.prependListener('exit', () => {
  for (const child of running) child.endNow();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(1));
}

let count = 0;

/** A running child. Its output goes to `out/logs/`, which a failure names. */
export class Child {
  #child;
  #lines = [];
  #watchers = new Set();

  /**
   * @param {string} name for the log file
   * @param {string} command
   * @param {string[]} args
   * @param {{ env?: object, cwd?: string, uid?: number, gid?: number, endNow?: (child: Child) => void }} [options]
   *   `env` is added to the environment; `uid` and `gid` are whom it runs as; `endNow` ends it when this process has no
   *   time left, if SIGKILL would leave something behind
   */
  constructor(name, command, args, { env = {}, cwd, uid, gid, endNow = (child) => child.signal('SIGKILL') } = {}) {
    this.name = name;
    this.endNow = () => endNow(this);
    this.log = join(outFolder('logs'), `${name}-${process.pid}-${++count}.log`);
    const log = createWriteStream(this.log);
    this.#child = spawn(command, args, {
      cwd,
      uid,
      gid,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve({ error }));
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    }).then((end) => {
      running.delete(this);
      this.end = end;
      for (const watcher of this.#watchers) watcher();
      return end;
    });
    let partial = '';
    this.#child.stdout.on('data', (chunk) => {
      log.write(chunk);
      const lines = (partial + chunk).split('\n');
      partial = lines.pop();
      this.#lines.push(...lines);
      for (const watcher of this.#watchers) watcher();
    });
    this.#child.stderr.on('data', (chunk) => log.write(chunk));
  }

  get pid() {
    return this.#child.pid;
  }

  /** The first line of output that `pattern` matches, as its match. */
  line(pattern) {
    return new Promise((resolve, reject) => {
      const settle = (settler, value) => {
        this.#watchers.delete(look);
        clearTimeout(timer);
        settler(value);
      };
      const look = () => {
        const match = this.#lines.map((line) => line.match(pattern)).find(Boolean);
        if (match) settle(resolve, match);
        else if (this.end) settle(reject, this.failure('ended early'));
      };
      const timer = setTimeout(() => settle(reject, this.failure(`never printed ${pattern}`)), PATIENCE_MS);
      this.#watchers.add(look);
      look();
    });
  }

  /** An error that tells how this child fared, with the end of its log. */
  failure(what) {
    const tail = readFileSync(this.log, 'utf8').split('\n').slice(-15).join('\n');
    return new Error(`${this.name} ${what} (${JSON.stringify(this.end ?? 'still running')}); ${this.log}:\n${tail}`);
  }

  /** Sends it a signal. */
  signal(name) {
    this.#child.kill(name);
  }

  /** Asks it to end, and insists after a while. */
  async stop({ signal = 'SIGTERM', patienceMs = 10_000 } = {}) {
    if (!this.end) {
      this.signal(signal);
      const timer = setTimeout(() => this.signal('SIGKILL'), patienceMs);
      await this.exited;
      clearTimeout(timer);
    }
    return this.end;
  }

  /** Ends it at once, as a power cut would, and returns when it is gone. */
  async kill() {
    this.signal('SIGKILL');
    return this.exited;
  }
}

/** A port of the loopback interface that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
