// The partner servers of `bots/`, as processes of their own, and what they were called with.

import { join } from 'node:path';

import { PYTHON, HOME } from '../paths.mjs';
import { startProgram } from '../bots.mjs';
import { until } from '../wait.mjs';

const COMMANDS = {
  'partner-stand-in': [process.execPath, 'partner-stand-in.mjs'],
  'partner-express': [process.execPath, 'partner-express.mjs'],
  'partner-flask': [PYTHON, 'partner-flask.py'],
};

/** Starts one of them; with `port` where another one was before. */
export async function startPartner(name, { port = 0 } = {}) {
  const [command, script] = COMMANDS[name];
  const started = await startProgram(name, command, [join(HOME, 'bots', script)], { PORT: String(port) });
  return new Partner(started, name);
}

export class Partner {
  #program;

  constructor(program, name) {
    this.#program = program;
    this.name = name;
    this.url = program.url;
    this.port = Number(new URL(program.url).port);
  }

  /** Every call that it was made: `{ method, path, headers, body }`. */
  async calls(line) {
    const all = await (await fetch(`${this.url}/calls`)).json();
    return line === undefined ? all : all.filter(({ method, path }) => `${method} ${path}`.startsWith(line));
  }

  /** Waits until it was made so many of these calls. */
  async called(line, count) {
    let calls;
    return until(
      `${count} calls ${line}`,
      async () => {
        calls = await this.calls(line);
        return calls.length >= count && calls;
      },
      { shown: () => calls },
    );
  }

  /** Tells a stand-in what to do. */
  async tell(what) {
    const answer = await fetch(`${this.url}/tell`, { method: 'POST', body: JSON.stringify(what) });
    if (!answer.ok) throw new Error(`the stand-in was not told: ${answer.status}`);
  }

  stop() {
    return this.#program.stop();
  }

  kill() {
    return this.#program.kill();
  }
}
