// An echo bot on botbuilder. It has no app id: Maru gives it a callback address of its own instead, which nobody can
// guess. Keep the bot on the loopback interface or in a private network, since it believes whoever calls it.

import { ActivityHandler, CloudAdapter, ConfigurationBotFrameworkAuthentication, MessageFactory } from 'botbuilder';
import express from 'express';

class EchoBot extends ActivityHandler {
  constructor() {
    super();

    this.onMembersAdded(async (context, next) => {
      const { membersAdded, recipient } = context.activity;
      const guests = membersAdded.filter((member) => member.id !== recipient.id);
      if (guests.length > 0) {
        await context.sendActivity(MessageFactory.suggestedActions(['Hello', '안녕하세요'], 'Welcome! Say something.'));
      }
      await next();
    });

    this.onMessage(async (context, next) => {
      const { text, attachments = [] } = context.activity;
      if (text) await context.sendActivity(`You said: ${text}`);
      const files = attachments.filter((file) => file.contentUrl);
      if (files.length > 0) await context.sendActivity(MessageFactory.list(files, 'You sent:'));
      await next();
    });
  }
}

const bot = new EchoBot();
const adapter = new CloudAdapter(new ConfigurationBotFrameworkAuthentication({}));
adapter.onTurnError = async (context, error) => {
  console.error(error);
  await context.sendActivity('Sorry, something went wrong here.');
};

const app = express();
app.use(express.json({ limit: '1mb' }));
app.post('/api/messages', (request, response) => adapter.process(request, response, (context) => bot.run(context)));

const server = app.listen(Number(process.env.PORT ?? 3978), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/api/messages`);
});
