// A bot on botbuilder for JavaScript, as published, without an app id: configuration is empty, so calls without a
// token are accepted and callbacks carry none.

import { ActivityHandler, CloudAdapter, ConfigurationBotFrameworkAuthentication, TurnContext } from 'botbuilder';
import express from 'express';

import { invoked, onEvent, onMembersAdded, onMessage } from './behavior.mjs';

const APP_ID = '';
const adapter = new CloudAdapter(new ConfigurationBotFrameworkAuthentication({}));

const connector = (context) => context.turnState.get(adapter.ConnectorClientKey);

const sdk = {
  activity: (fields) => fields,

  async members(context) {
    return connector(context).conversations.getConversationMembers(context.activity.conversation.id);
  },

  async pagedMembers(context) {
    const page = await connector(context).conversations.getConversationPagedMembers(context.activity.conversation.id);
    return page.members;
  },

  later(context) {
    const reference = TurnContext.getConversationReference(context.activity);
    return (talk) => adapter.continueConversationAsync(APP_ID, reference, talk);
  },

  async elsewhere(context, talk) {
    const { channelId, serviceUrl, from, recipient } = context.activity;
    const parameters = { isGroup: false, bot: recipient, members: [from], channelData: {} };
    let id;
    await adapter.createConversationAsync(APP_ID, channelId, serviceUrl, '', parameters, async (there) => {
      id = there.activity.conversation.id;
      await talk(there);
    });
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
    this.onEvent(then(onEvent));
  }

  async onInvokeActivity(context) {
    return invoked(context.activity);
  }
}

const bot = new Bot();
const app = express();
app.use(express.json({ limit: '10mb' }));
app.post('/api/messages', (request, response) => adapter.process(request, response, (context) => bot.run(context)));
const server = app.listen(Number(process.env.PORT ?? 3978), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`);
});
