"""A bot on botbuilder for Python, as published, without an app id."""

import os

from botbuilder.core import ActivityHandler, InvokeResponse, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botbuilder.schema import (
    ActionTypes,
    Activity,
    ActivityTypes,
    Attachment,
    CardAction,
    ConversationParameters,
    HeroCard,
    SuggestedActions,
)

import behavior
import server


class Configuration:
    """No app id: calls without a token are accepted, and callbacks carry none."""

    APP_ID = ""
    APP_PASSWORD = ""


ADAPTER = CloudAdapter(ConfigurationBotFrameworkAuthentication(Configuration()))


def _conversations(context):
    return context.turn_state[ADAPTER.BOT_CONNECTOR_CLIENT_KEY].conversations


class Sdk:
    """What is this SDK's own; see behavior.py."""

    @staticmethod
    def message(**fields):
        return Activity(type=ActivityTypes.message, **fields)

    @staticmethod
    def typing():
        return Activity(type=ActivityTypes.typing)

    @staticmethod
    def card(user):
        button = CardAction(type=ActionTypes.im_back, title="Bow", value="bow")
        hero = HeroCard(title="A hero", text="of few words", buttons=[button])
        choices = [
            CardAction(type=ActionTypes.im_back, title="Tea", value="tea"),
            CardAction(type=ActionTypes.im_back, title="Rice", value="rice"),
        ]
        return Sdk.message(
            text="pick one",
            attachments=[Attachment(content_type="application/vnd.microsoft.card.hero", content=hero)],
            suggested_actions=SuggestedActions(to=[user], actions=choices),
        )

    @staticmethod
    async def members(context):
        return await _conversations(context).get_conversation_members(context.activity.conversation.id)

    @staticmethod
    async def paged_members(context):
        page = await _conversations(context).get_conversation_paged_members(context.activity.conversation.id)
        return page.members

    @staticmethod
    def later(context):
        reference = TurnContext.get_conversation_reference(context.activity)
        return lambda talk: ADAPTER.continue_conversation(reference, talk, Configuration.APP_ID)

    @staticmethod
    async def elsewhere(context, talk):
        activity = context.activity
        made = []

        async def start(there):
            made.append(there.activity.conversation.id)
            await talk(there)

        await ADAPTER.create_conversation(
            Configuration.APP_ID,
            start,
            ConversationParameters(is_group=False, bot=activity.recipient, members=[activity.from_property]),
            activity.channel_id,
            activity.service_url,
        )
        return made[0]


class Bot(ActivityHandler):
    async def on_message_activity(self, turn_context):
        await behavior.on_message(Sdk, turn_context)

    async def on_members_added_activity(self, members_added, turn_context):
        await behavior.on_members_added(Sdk, turn_context, members_added)

    async def on_event_activity(self, turn_context):
        await behavior.on_event(Sdk, turn_context)

    async def on_invoke_activity(self, turn_context):
        status, body = behavior.invoked(turn_context.activity)
        return InvokeResponse(status=status, body=body)


BOT = Bot()


async def messages(request):
    return await ADAPTER.process(request, BOT)


if __name__ == "__main__":
    server.serve(messages, int(os.environ.get("PORT", "3978")))
