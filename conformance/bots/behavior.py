"""What the Python bots do, in terms that both SDKs share. What they do not share is handed in as `sdk`.

An `sdk` has:
- `message(text=..., **fields)` and `typing()`: an activity of the SDK's own kind;
- `members(context)`, `paged_members(context)`: the accounts in the conversation;
- `later(context)`: gives a function that runs `talk(context)` in this conversation, outside any turn;
- `elsewhere(context, talk)`: runs `talk(context)` in a conversation that it asks for with the same user;
  returns that conversation's id.
"""

import asyncio
import logging

import aiohttp

# A task that nobody holds may be collected before it has run.
_tasks = set()


async def say(sdk, context, text):
    return await context.send_activity(sdk.message(text=text))


def _ids(accounts):
    return ", ".join(sorted(account.id for account in accounts))


async def _many(sdk, context, count):
    for number in range(1, int(count) + 1):
        await say(sdk, context, f"answer {number} of {count}")


async def _typing(sdk, context):
    await context.send_activity(sdk.typing())
    await asyncio.sleep(0.2)
    await say(sdk, context, "done typing")


async def _update(sdk, context):
    sent = await say(sdk, context, "before")
    await asyncio.sleep(0.3)
    changed = sdk.message(text="after")
    changed.id = sent.id
    await context.update_activity(changed)


async def _delete(sdk, context):
    sent = await say(sdk, context, "to be deleted")
    await asyncio.sleep(0.3)
    await context.delete_activity(sent.id)


async def _card(sdk, context):
    await context.send_activity(sdk.card(context.activity.from_property.id))


async def _members(sdk, context):
    await say(sdk, context, f"members: {_ids(await sdk.members(context))}")


async def _paged(sdk, context):
    await say(sdk, context, f"paged: {_ids(await sdk.paged_members(context))}")


async def _proactive(sdk, context):
    # The turn is over by then, so nothing of its context is kept but the way back.
    later = sdk.later(context)

    async def speak():
        await asyncio.sleep(0.3)
        try:
            await later(lambda there: say(sdk, there, "proactive hello"))
        except Exception:  # a task's failure is otherwise told only when it is collected
            logging.exception("proactive")

    task = asyncio.create_task(speak())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _create(sdk, context):
    new = await sdk.elsewhere(context, lambda there: say(sdk, there, "created hello"))
    await say(sdk, context, f"created {new}")


async def _slow(sdk, context, milliseconds):
    await asyncio.sleep(int(milliseconds) / 1000)
    await say(sdk, context, "slow done")


async def _throw(sdk, context):
    raise RuntimeError("thrown on request")


# The words that are commands, and how many more words each takes.
_COMMANDS = {
    "many": (_many, 1),
    "typing": (_typing, 0),
    "update": (_update, 0),
    "delete": (_delete, 0),
    "card": (_card, 0),
    "members": (_members, 0),
    "paged": (_paged, 0),
    "proactive": (_proactive, 0),
    "create": (_create, 0),
    "slow": (_slow, 1),
    "throw": (_throw, 0),
}


async def _files(sdk, context, attachments):
    sizes = []
    async with aiohttp.ClientSession() as session:
        for attachment in attachments:
            async with session.get(attachment.content_url) as answer:
                size = len(await answer.read()) if answer.ok else f"status {answer.status}"
            sizes.append(f"{attachment.name}:{size}")
    await say(sdk, context, f"got {len(sizes)} files: {', '.join(sorted(sizes))}")


async def on_message(sdk, context):
    """Answers a message."""
    sent = [a for a in context.activity.attachments or [] if a.content_url]
    text = context.activity.text or ""
    if sent:
        await _files(sdk, context, sent)
        if text == "mirror":
            await context.send_activity(sdk.message(attachments=sent))
        return
    word, *rest = text.split() or [""]
    command, arguments = _COMMANDS.get(word, (None, 0))
    if command and len(rest) == arguments:
        return await command(sdk, context, *rest)
    await say(sdk, context, f"echo: {text}")


async def on_members_added(sdk, context, members):
    """Greets each user who joined, never the bot itself."""
    for member in members:
        if member.id != context.activity.recipient.id:
            await say(sdk, context, f"welcome {member.id}")


async def on_event(sdk, context):
    """Names an event."""
    await say(sdk, context, f"event {context.activity.name}")


def invoked(activity):
    """What an invoke is answered with: its status and body."""
    if activity.name != "sum":
        return 501, None
    return 200, {"sum": sum(activity.value)}
