// The server under test: the real binary, on a real port, with its own data folder.

import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { maruBinary, removeTemporary, temporaryFolder } from './paths.mjs';
import { Child } from './process.mjs';
import { PATIENCE_MS, until } from './wait.mjs';

const run = promisify(execFile);

/** A Maru on a loopback port. Stopping, killing and starting it again keep its data, and its port once it has one. */
export class Maru {
  #child;

  /**
   * @param {{ name?: string, args?: string[], env?: object }} [options] a name for its log, more arguments for
   *   `maru serve`, more environment
   */
  static async start(options = {}) {
    const maru = new Maru(options);
    await maru.up();
    return maru;
  }

  constructor({ name = 'maru', args = [], env = {} } = {}) {
    this.name = name;
    this.folder = temporaryFolder('conformance');
    this.data = join(this.folder, 'data');
    this.listen = '127.0.0.1:0';
    this.args = args;
    this.env = env;
  }

  /** Starts the process on the data that is there, and returns once it serves. */
  async up() {
    const ready = join(this.folder, 'ready.json');
    rmSync(ready, { force: true });
    const args = ['serve', '--listen', this.listen, '--data', this.data, '--ready-file', ready, ...this.args];
    this.#child = new Child(this.name, maruBinary(), args, { env: this.env });
    const facts = await until('the ready file', () => {
      if (this.#child.end) return 'ended';
      return JSON.parse(readFileSync(ready, 'utf8'));
    }).catch((error) => {
      throw this.#child.failure(error.message);
    });
    if (facts === 'ended') throw this.#child.failure('ended before it served');
    this.url = facts.url;
    /** The bot and the Direct Line secret that a fresh realm was given. */
    this.bot = facts.bot;
    this.secret = facts.secret ?? this.secret;
    /** The demo's agents, with the passwords that are told once: `[{ name, dn, password }]`. */
    this.agents = facts.agents ?? this.agents;
    this.listen = new URL(facts.url).host;
    return this;
  }

  /** Where Direct Line clients are pointed at. */
  get directLine() {
    return `${this.url}/v3/directline`;
  }

  /** What the process has printed, for a test that looks for what must not be in it. */
  get log() {
    return readFileSync(this.#child.log, 'utf8');
  }

  /** Runs a verb of the command line against the running server, and returns the JSON that it prints. */
  async cli(...args) {
    const env = { ...process.env, ...this.env };
    const { stdout } = await run(maruBinary(), [...args, '--data', this.data, '--json'], { env });
    return stdout.trim() ? JSON.parse(stdout) : undefined;
  }

  /** What `/readyz` says, and with which status. */
  async readiness() {
    const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return { code: answer.status, ...(await answer.json()) };
  }

  /** A number of `/metrics`, whatever its labels: their sum. */
  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const samples = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    if (samples.length === 0) throw new Error(`there is no metric ${name}`);
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** SIGTERM: a graceful stop. Open turns and connections get their time. */
  async stop() {
    return this.#child?.stop({ patienceMs: 20_000 });
  }

  /** SIGSTOP: it stands still, with its connections open. */
  freeze() {
    this.#child.signal('SIGSTOP');
  }

  /** SIGCONT: it goes on as if nothing had been. */
  wake() {
    this.#child.signal('SIGCONT');
  }

  /** SIGKILL: what is not on disk now is gone. */
  async kill() {
    return this.#child?.kill();
  }

  /** Ends it and throws its data away. */
  async remove() {
    this.#child?.signal('SIGCONT');
    await this.stop();
    removeTemporary(this.folder);
  }
}

/**
 * Makes a Bot Framework bot known, with a Direct Line door of its own in front of it.
 *
 * The one place that knows these verbs.
 *
 * @param {Maru} maru
 * @param {{ name: string, endpoint: string, settings?: Record<string, string> }} bot `settings` are the channel's
 * @returns {Promise<{ bot: string, channel: string, secrets: string[] }>} the two secrets of the door's site
 */
export async function registerBot(maru, { name, endpoint, settings = {} }) {
  const bot = await maru.cli('bot', 'add', name, '--kind', 'bot-framework', '--endpoint', endpoint);
  const channel = await maru.cli('channel', 'add', '--kind', 'direct-line', '--bot', bot.id);
  for (const [key, value] of Object.entries(settings)) {
    await maru.cli('channel', 'set', channel.id, `${key}=${value}`);
  }
  return { bot: bot.id, channel: channel.id, secrets: channel.secrets };
}
