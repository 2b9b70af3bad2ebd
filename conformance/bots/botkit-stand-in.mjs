// A BotKit server, in the shape of its wire and without its code: what Kore's BotKit takes, checks and calls back, written
// from the outside. Its credentials are APP_ID and APP_SECRET, as in BotKit's own configuration.
//
// GET /events tells what it was told, so that a test can look at it.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import express from 'express';

const { APP_ID = 'cs-stand-in', APP_SECRET = 'stand-in', BOT_ID, AUTHENTICATION = 'jwt' } = process.env;

/** The only form of a bot's id that BotKit takes: it answers 500 to any other. */
const BOT = /^st-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const mac = (signed) => createHmac('sha256', APP_SECRET).update(signed).digest();

/** What BotKit shows when it calls back: good for a minute, with a fraction of a second in it. */
function credential() {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ appId: APP_ID, exp: Date.now() / 1000 + 60 })}`;
  return `${signed}.${mac(signed).toString('base64url')}`;
}

function isGood(headers) {
  if (AUTHENTICATION === 'apikey') return headers.apikey === APP_SECRET;
  const [header, claims, signature] = String(headers.token ?? '').split('.');
  const given = Buffer.from(signature ?? '', 'base64url');
  const wanted = mac(`${header}.${claims}`);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return false;
  return JSON.parse(Buffer.from(claims, 'base64url')).appId === APP_ID;
}

/** What it was told, in order: `{ event, botId, componentId?, body }`. */
const told = [];

/** How its own calls were answered: `{ call, status, body }`. */
const answers = [];

/** Calls back. It picks its credentials by the seventh segment of the address, as BotKit does. */
async function call(url, body, { method = 'POST', headers = {} } = {}) {
  if (url.split('/')[6] !== BOT_ID) throw new Error(`no credentials for ${url}`);
  const answer = await fetch(url, {
    method,
    headers: { auth: credential(), 'content-type': 'application/json', ...headers },
    body: method === 'GET' ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  answers.push({ call: new URL(url).pathname.split('/')[5], status: answer.status, text });
  return text ? JSON.parse(text) : undefined;
}

/** Says something to the user: the whole event goes back, with the message changed. */
const tellUser = (event, message, more = {}) => call(event.sendUserMessageUrl, { ...event, message, ...more });

const askBot = (event, message) => call(event.sendBotMessageUrl, { ...event, message });

const MENU = {
  type: 'template',
  payload: {
    template_type: 'button',
    text: 'pick one',
    buttons: [
      { type: 'postback', title: 'Tea', payload: 'tea' },
      { type: 'postback', title: 'Rice', payload: 'rice' },
    ],
  },
};

/** The texts that are commands: the word, and what it does with the rest. */
const commands = {
  ask: (event, rest) => askBot(event, rest),

  card: (event) => tellUser(event, '', { overrideMessagePayload: { body: JSON.stringify(MENU), isTemplate: true } }),

  override: (event, rest) =>
    tellUser(event, 'this is not shown', { overrideMessagePayload: { body: rest, isTemplate: false } }),

  async late(event, rest) {
    await sleep(Number(rest));
    await tellUser(event, 'late answer');
  },

  async agent(event) {
    await call(`${event.baseUrl}/startAgentSession/${event.requestId}`, event);
    await tellUser(event, 'an agent is here');
  },

  async history(event) {
    const userId = event.channel.from;
    const { messages } = await call(`${event.baseUrl}/getMessages?skip=0&limit=3&userId=${userId}`, undefined, {
      method: 'GET',
    });
    await tellUser(event, `history: ${messages.map(({ components }) => components[0].data.text).join(' < ')}`);
  },

  async extend(event) {
    await call(`${event.baseUrl}/extendcallid/${event.requestId}`, event);
    await tellUser(event, 'extended');
  },

  async clear(event) {
    await call(event.clearConversationSessionUrl, event);
    await tellUser(event, 'cleared');
  },

  async reset(event) {
    await call(event.resetBotUrl, event);
    await tellUser(event, 'reset');
  },

  async feedback(event, rest) {
    await call(event.sendFeedbackMessageUrl, { ...event, feedbackData: { name: 'csat', score: Number(rest) } });
    await tellUser(event, 'thank you');
  },

  async variables(event) {
    const found = await call(event.getBotVariableUrl, undefined, { method: 'GET', headers: { 'bot-language': 'ko' } });
    await tellUser(event, `variables: ${JSON.stringify(found)}`);
  },

  /** Has the platform go on by itself, as BotKit's sendBotMessage without a change. */
  skip: (event) => call(event.skipUserMessageUrl, event),

  /** Calls back with another app's secret. */
  async forge(event) {
    const signed = `${encode({ alg: 'none' })}.${encode({ appId: APP_ID, exp: Date.now() / 1000 + 60 })}.`;
    await call(event.sendUserMessageUrl, { ...event, message: 'forged' }, { headers: { auth: signed } });
    await tellUser(event, 'forging done');
  },
};

async function onUserMessage(event) {
  const text = String(event.message ?? '');
  // While an agent is there, what the user says is the agent's.
  if (event.agent_transfer) {
    if (text === 'bye agent') {
      await tellUser(event, 'the agent leaves');
      await call(`${event.baseUrl}/clearAgentSession/${event.requestId}`, event);
      return;
    }
    await tellUser(event, `agent: ${text}`);
    return;
  }
  const files = event.channel?.attachments ?? [];
  if (files.length > 0) {
    const sizes = await Promise.all(
      files.map(async ({ fileName, fileUrl }) => {
        const answer = await fetch(fileUrl);
        return `${fileName}:${answer.ok ? (await answer.arrayBuffer()).byteLength : `status ${answer.status}`}`;
      }),
    );
    await tellUser(event, `got ${files.length} files: ${sizes.sort().join(', ')}`);
    return;
  }
  const [word, ...rest] = text.split(' ');
  if (Object.hasOwn(commands, word)) await commands[word](event, rest.join(' '));
  else await tellUser(event, `botkit: ${text}`);
}

const functions = {
  on_user_message: onUserMessage,
  on_bot_message: (event) => tellUser(event, `backend said: ${event.message}`),
  async on_event(event) {
    if (event.event?.eventType === 'ON_CONNECT') await tellUser(event, 'botkit welcome');
  },
  async on_agent_transfer() {},
};

const app = express();
app.use(express.json({ limit: '100kb' }));

function checked(request, response) {
  if (!isGood(request.headers)) {
    response.set('response-error-description', 'Invalid apikey');
    response.status(401).json({ errors: [{ msg: 'Invalid apikey', code: 4002 }] });
    return false;
  }
  if (!BOT.test(request.params.botId) || request.params.botId !== BOT_ID) {
    response.status(500).json({ errors: [{ msg: 'unknown bot', code: 500 }] });
    return false;
  }
  return true;
}

app.post('/sdk/bots/:botId/components/:componentId/:event', (request, response) => {
  if (!checked(request, response)) return;
  const { botId, componentId, event } = request.params;
  told.push({ event, botId, componentId, body: request.body });
  const { context = {} } = request.body;
  response.json({ ...request.body, context: { ...context, answeredBy: componentId } });
});

app.post('/sdk/bots/:botId/:event', (request, response) => {
  if (!checked(request, response)) return;
  const { botId, event } = request.params;
  const handle = functions[event];
  if (!handle) {
    response.status(404).json({ errors: [{ msg: 'no such event', code: 404 }] });
    return;
  }
  told.push({ event, botId, body: request.body });
  // BotKit answers at once, and its functions call back in their own time.
  response.set('supportsMessageAck', 'true');
  response.json({ __payloadClass: 'OnMessagePayload', ...request.body });
  Promise.resolve(handle(request.body)).catch((error) => console.error(event, error.message));
});

app.get('/events', (_, response) => response.json({ told, answers }));

const server = app.listen(Number(process.env.PORT ?? 8003), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`);
});
