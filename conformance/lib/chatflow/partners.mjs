// Bots that ask ChatFlow what to say: the examples as they stand, and the origin's client.

import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';

import { startExample, startProgram } from '../bots.mjs';
import { HOME, PYTHON, REPOSITORY, outFolder } from '../paths.mjs';
import { Child } from '../process.mjs';

const PUMA = '/usr/bin/puma';

/** Each is started with an app, and is a partner server at `url`. */
export const PARTNERS = {
  flask: (app) => startExample('chatflow-flask', 'bot.py', app.env),
  rails: startRails,
  origin: (app) =>
    startProgram('chatflow-origin', PYTHON, [join(HOME, 'bots', 'chatflow-origin.py')], {
      CHATFLOW_HOST: app.maru.url,
      DEVELOPER_ID: app.clientId,
      CONVERSATION_ID: app.appId,
    }),
};

/** Puma tells in its own words where it listens. */
async function startRails(app) {
  if (!existsSync(PUMA)) throw new Error('no Rails: apt-get install ruby-railties puma');
  const folder = copied('chatflow-rails');
  const child = new Child('chatflow-rails', PUMA, ['--bind', 'tcp://127.0.0.1:0', 'config.ru'], {
    cwd: folder,
    env: app.env,
  });
  const [, url] = await child.line(/Listening on (http:\/\/127\.0\.0\.1:\d+)/);
  return { name: 'chatflow-rails', url, stop: () => child.stop(), kill: () => child.kill() };
}

/** An example's own tests. */
export function startTests(folder) {
  const [command, ...args] = {
    'chatflow-flask': [PYTHON, '-B', '-m', 'unittest'],
    'chatflow-rails': ['ruby', 'test_bot.rb'],
  }[folder];
  return new Child(`${folder}-tests`, command, args, { cwd: copied(folder) });
}

/** A copy of an example, so that nothing is left in the sources. */
function copied(folder) {
  const copy = join(outFolder('examples'), folder);
  cpSync(join(REPOSITORY, 'examples', folder), copy, { recursive: true });
  return copy;
}
