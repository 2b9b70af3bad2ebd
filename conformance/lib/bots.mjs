// The bots of `bots/` and the programs of `examples/`: each one a process of its own, on a free port.

import { cpSync, existsSync } from 'node:fs';
import { join, relative } from 'node:path';

import { HOME, PYTHON, REPOSITORY, outFolder } from './paths.mjs';
import { Child } from './process.mjs';

/**
 * Starts one of them, and returns once it listens.
 *
 * @param {'js-botbuilder' | 'js-agents' | 'py-botbuilder' | 'py-agents'} name
 * @returns {Promise<{ name: string, url: string, endpoint: string, stop(): Promise<any>, kill(): Promise<any> }>}
 */
export async function startBot(name) {
  const script = `${name}.${name.startsWith('py-') ? 'py' : 'mjs'}`;
  return startProgram(name, interpreter(script), [join(HOME, 'bots', script)]);
}

/** What runs a script: this Node, or the Python of the workspace's virtual environment. */
function interpreter(script) {
  if (!script.endsWith('.py')) return process.execPath;
  if (!existsSync(PYTHON)) throw new Error('no Python packages here: run conformance/setup.sh');
  return PYTHON;
}

/** Starts any program that prints `listening`, and then its port, once it is up. */
export async function startProgram(name, command, args, env = {}) {
  const child = new Child(name, command, args, {
    // Python would leave its compiled files next to the sources.
    env: { PORT: '0', PYTHONDONTWRITEBYTECODE: '1', ...env },
  });
  const [, port] = await child.line(/^listening .*?(\d+)(?:\/[a-z/]*)?$/);
  const url = `http://127.0.0.1:${port}`;
  return { name, url, endpoint: `${url}/api/messages`, stop: () => child.stop(), kill: () => child.kill() };
}

/**
 * Starts one of the repository's examples as it stands, from a copy inside this workspace: there it finds the packages
 * that it names without an installation of its own.
 *
 * @param {string} folder its folder in `examples/`
 * @param {string} script its main file
 */
export async function startExample(folder, script, env = {}) {
  const copy = join(outFolder('examples'), folder);
  cpSync(join(REPOSITORY, 'examples', folder), copy, {
    recursive: true,
    filter: (path) => !/node_modules|\.venv/.test(relative(REPOSITORY, path)),
  });
  return startProgram(folder, interpreter(script), [join(copy, script)], env);
}
