// A bot on the Microsoft 365 Agents SDK for JavaScript, as published, without a client id: outside of production that
// means anonymous calls both ways.

import { Activity } from '@microsoft/agents-activity';
import { ActivityHandler, CloudAdapter, authorizeJWT, getAuthConfigWithDefaults } from '@microsoft/agents-hosting';
import express from 'express';

import { invoked, onEvent, onMembersAdded, onMessage } from './behavior.mjs';

const configuration = getAuthConfigWithDefaults({});
const adapter = new CloudAdapter(configuration);

const connector = (context) => context.turnState.get(adapter.ConnectorClientKey);

/** This SDK's connector client has no call for a conversation's members, so the bot makes the REST call itself. */
async function get(context, path) {
  const base = context.activity.serviceUrl.replace(/\/+$/, '');
  const answer = await fetch(`${base}/v3/conversations/${encodeURIComponent(context.activity.conversation.id)}/${path}`);
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
  return answer.json();
}

const sdk = {
  activity: (fields) => Activity.fromObject(fields),

  members: (context) => get(context, 'members'),

  pagedMembers: async (context) => (await get(context, 'pagedmembers')).members,

  later(context) {
    const { identity } = context;
    const reference = context.activity.getConversationReference();
    return (talk) => adapter.continueConversation(identity, reference, talk);
  },

  async elsewhere(context, talk) {
    const { from, recipient } = context.activity;
    // createConversationAsync wants an app id even where there is none, so this goes one layer below it.
    const { id } = await connector(context).createConversation({ isGroup: false, agent: recipient, members: [from] });
    const reference = { ...context.activity.getConversationReference(), conversation: { id }, activityId: undefined };
    await adapter.continueConversation(context.identity, reference, talk);
    return id;
  },
};

class Bot extends ActivityHandler {
  constructor() {
    super();
    const then = (handle) => async (context, next) => {
      await handle(sdk, context);
      await next();
    };
    this.onMessage(then(onMessage));
    this.onMembersAdded(then(onMembersAdded));
    // This SDK's handler has no place for events: they arrive as an activity type it does not recognize.
    this.onUnrecognizedActivityType(async (context, next) => {
      if (context.activity.type === 'event') await onEvent(sdk, context);
      await next();
    });
  }

  async onInvokeActivity(context) {
    return invoked(context.activity);
  }
}

const bot = new Bot();
const app = express();
app.use(express.json({ limit: '10mb' }));
app.post('/api/messages', authorizeJWT(configuration), (request, response) =>
  adapter.process(request, response, (context) => bot.run(context)));
const server = app.listen(Number(process.env.PORT ?? 3978), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`);
});
