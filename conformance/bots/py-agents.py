"""A bot on the Microsoft 365 Agents SDK for Python, as published, with anonymous calls allowed."""

import os

from microsoft_agents.activity import (
    ActionTypes,
    Activity,
    ActivityTypes,
    Attachment,
    CardAction,
    ConversationAccount,
    ConversationParameters,
    InvokeResponse,
    SuggestedActions,
)
from microsoft_agents.authentication.msal import MsalConnectionManager
from microsoft_agents.hosting.aiohttp import CloudAdapter, jwt_authorization_middleware
from microsoft_agents.hosting.core import ActivityHandler, AgentAuthConfiguration
from microsoft_agents.hosting.core.connector import ConnectorClientBase

import behavior
import server

CONFIGURATION = AgentAuthConfiguration(ANONYMOUS_ALLOWED=True)
CONNECTIONS = MsalConnectionManager(connections_configurations={"SERVICE_CONNECTION": CONFIGURATION})
ADAPTER = CloudAdapter(connection_manager=CONNECTIONS)


def _conversations(context):
    return context.services.get(ConnectorClientBase).conversations


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
        hero = {
            "title": "A hero",
            "text": "of few words",
            "buttons": [{"type": "imBack", "title": "Bow", "value": "bow"}],
        }
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
        identity = context.identity
        continued = context.activity.get_conversation_reference().get_continuation_activity()
        return lambda talk: ADAPTER.continue_conversation_with_claims(identity, continued, talk)

    @staticmethod
    async def elsewhere(context, talk):
        activity = context.activity
        # The adapter's create_conversation wants an app id even where anonymous calls are allowed, so this goes one
        # layer below it.
        made = await _conversations(context).create_conversation(
            ConversationParameters(is_group=False, agent=activity.recipient, members=[activity.from_property])
        )
        reference = activity.get_conversation_reference()
        reference.conversation = ConversationAccount(id=made.id)
        reference.activity_id = None
        continued = reference.get_continuation_activity()
        await ADAPTER.continue_conversation_with_claims(context.identity, continued, talk)
        return made.id


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
    server.serve(
        messages,
        int(os.environ.get("PORT", "3978")),
        middlewares=[jwt_authorization_middleware],
        agent_configuration=CONFIGURATION,
    )
