// Serves the page, and gives each visitor a token. The Direct Line secret stays here: whoever has it may read every
// conversation of the bot, so a browser must only ever see a token, which is good for one conversation and half an hour.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const DIRECT_LINE = `${(process.env.MARU_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '')}/v3/directline`;
const SECRET = process.env.MARU_SECRET;
const PORT = Number(process.env.PORT ?? 3000);

if (!SECRET) {
  console.error('MARU_SECRET is missing: the Direct Line secret that `maru serve` printed when it first started.');
  process.exit(1);
}

const here = (name) => new URL(name, import.meta.url);
const webChat = import.meta.resolve('botframework-webchat');

const FILES = {
  '/': [here('index.html'), 'text/html'],
  '/chat.js': [here('chat.js'), 'text/javascript'],
  // The package's bundle for a script element, next to the one for imports.
  '/webchat.js': [new URL('webchat.js', webChat), 'text/javascript'],
};

/** Asks Maru for a token that is bound to a new conversation and to this one visitor. */
async function session() {
  const user = { id: `dl_${randomUUID()}`, name: 'Visitor' };
  const answer = await fetch(`${DIRECT_LINE}/tokens/generate`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${SECRET}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ user }),
  });
  if (!answer.ok) throw new Error(`Maru answered ${answer.status}: ${await answer.text()}`);
  const { token, conversationId } = await answer.json();
  return { directLine: DIRECT_LINE, token, conversationId, userId: user.id };
}

async function answer(request) {
  if (request.method === 'POST' && request.url === '/session') {
    return [200, 'application/json', JSON.stringify(await session())];
  }
  if (request.method !== 'GET' || !Object.hasOwn(FILES, request.url)) return [404, 'text/plain', 'Not found'];
  const [path, type] = FILES[request.url];
  return [200, `${type}; charset=utf-8`, await readFile(path)];
}

const server = createServer(async (request, response) => {
  const [status, type, body] = await answer(request).catch((error) => {
    console.error(error.message);
    return [502, 'text/plain', 'Maru could not be asked; the reason is in the log of this server.'];
  });
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  response.end(body);
});

server.listen(PORT, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
