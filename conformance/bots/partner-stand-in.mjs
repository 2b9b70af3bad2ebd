// A Plus Friend partner server that answers as others did, to the byte and to the broken connection: whoever says the name
// of a row of `partner-rows.mjs` is answered with it. Any other text is said again.
//
// `/home/NAME/…` and `/friends/NAME/…` are bases whose home keyboard and whose answers to /friend and /chat_room are that
// row's. GET /calls tells what it was called with. POST /tell changes what it does: `{"every": ROW}` gives that row to
// whatever is said, `{"home": ROW}` to whoever asks for the plain base's keyboard, `null` ends it; `{"release": true}` lets go
// what `hold` holds. `die` ends it at once, `photo URL` shows the
// picture there, and `/away/URL` leads there.

import { createServer } from 'node:http';

import { FRIENDS, HOMES, MESSAGES, PHOTO } from './partner-rows.mjs';

const calls = [];
const held = [];
let every;
let home;

/** Writes a row's answer. */
function give({ status, headers, body, how }, request, response) {
  const { socket } = response;
  switch (how) {
    case 'close':
      socket.end();
      return;
    case 'reset':
      socket.resetAndDestroy();
      return;
    case 'silent':
      return;
    case 'noise':
      socket.end('\x00\x01 this is no HTTP\r\n\r\n');
      return;
    case 'stall':
      response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': 212 });
      response.flushHeaders();
      return;
    case 'drip': {
      response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
      const dripping = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(dripping));
      return;
    }
    default:
  }
  const base = `http://${request.headers.host}`;
  const filled = (text) => text.replaceAll('{{base}}', base);
  const bytes = typeof body === 'string' ? Buffer.from(filled(body)) : body;
  const head = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, filled(value)]));
  const wrongBy = { short: 10, long: -10 }[how];
  if (wrongBy !== undefined) {
    const lines = Object.entries({ ...head, 'Content-Length': bytes.length + wrongBy });
    socket.end(
      `HTTP/1.1 ${status} OK\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${bytes}`,
    );
    return;
  }
  response.writeHead(status, how === 'chunked' ? head : { ...head, 'Content-Length': bytes.length });
  response.end(bytes);
}

const said = (text) => ({
  status: 200,
  headers: { 'Content-Type': 'application/json; charset=utf-8' },
  body: JSON.stringify({ message: { text }, keyboard: { type: 'buttons', buttons: ['가', '나'] } }),
});

/** A message with the picture at this address. */
const shown = (url) => ({
  status: 200,
  headers: { 'Content-Type': 'application/json; charset=utf-8' },
  body: JSON.stringify({ message: { text: 'a picture', photo: { url, width: 8, height: 8 } } }),
});

async function message(content) {
  if (content === 'hold') await new Promise((resolve) => held.push(resolve));
  if (content === 'die') process.exit(1);
  if (content.startsWith('photo ')) return shown(content.slice('photo '.length));
  return (every ?? MESSAGES.get(content))?.answer ?? said(`you said: ${content}`);
}

function tell({ every: row, home: keyboard, release }) {
  if (row !== undefined) every = MESSAGES.get(row);
  if (keyboard !== undefined) home = HOMES.get(keyboard);
  if (release) held.splice(0).forEach((let_go) => let_go());
}

async function answer(request, response, body) {
  const { method, url: path } = request;
  if (path === '/calls') {
    response.end(JSON.stringify(calls));
    return;
  }
  if (path === '/tell') {
    tell(JSON.parse(body));
    response.end();
    return;
  }
  if (path === '/photo.png') {
    response.writeHead(200, { 'Content-Type': 'image/png' });
    response.end(PHOTO);
    return;
  }
  if (path.startsWith('/away/')) {
    response.writeHead(302, { Location: decodeURIComponent(path.slice('/away/'.length)) });
    response.end();
    return;
  }
  calls.push({ method, path, headers: request.headers, body });
  const [, homeName, friendName, endpoint] = path.match(/^(?:\/home\/([^/]+)|\/friends\/([^/]+)|)(\/.*)$/);
  if (endpoint === '/keyboard') {
    give((HOMES.get(homeName) ?? home ?? HOMES.get('chatterbox')).answer, request, response);
  } else if (endpoint === '/message') {
    give(await message(JSON.parse(body).content), request, response);
  } else if (/^\/(friend|chat_room)(\/|$)/.test(endpoint)) {
    give((FRIENDS.get(friendName) ?? FRIENDS.get('success-message')).answer, request, response);
  } else {
    response.writeHead(404);
    response.end();
  }
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  await answer(request, response, Buffer.concat(chunks).toString('utf8'));
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
