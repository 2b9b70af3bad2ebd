"""An echo bot on botbuilder. It has no app id: Maru gives it a callback address of its own instead, which nobody can
guess. Keep the bot on the loopback interface or in a private network, since it believes whoever calls it.
"""

import asyncio
import os

from aiohttp import web
from botbuilder.core import ActivityHandler, MessageFactory
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication


class Configuration:
    APP_ID = ""
    APP_PASSWORD = ""


class EchoBot(ActivityHandler):
    async def on_members_added_activity(self, members_added, turn_context):
        guests = [member for member in members_added if member.id != turn_context.activity.recipient.id]
        if guests:
            await turn_context.send_activity("Welcome! Say something.")

    async def on_message_activity(self, turn_context):
        if turn_context.activity.text:
            await turn_context.send_activity(f"You said: {turn_context.activity.text}")
        files = [file for file in turn_context.activity.attachments or [] if file.content_url]
        if files:
            await turn_context.send_activity(MessageFactory.list(files, "You sent:"))


BOT = EchoBot()
ADAPTER = CloudAdapter(ConfigurationBotFrameworkAuthentication(Configuration()))


async def messages(request):
    return await ADAPTER.process(request, BOT)


async def main():
    app = web.Application()
    app.router.add_post("/api/messages", messages)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ.get("PORT", "3978"))).start()
    host, port = runner.addresses[0][:2]
    print(f"listening on http://{host}:{port}/api/messages", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
