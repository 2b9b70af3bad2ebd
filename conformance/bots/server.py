"""Serves a bot's handler on the loopback interface, and says on which port."""

import asyncio

from aiohttp import web


async def _serve(messages, port, middlewares, settings):
    app = web.Application(middlewares=middlewares, client_max_size=10 * 1024 * 1024)
    for name, value in settings.items():
        app[name] = value
    app.router.add_post("/api/messages", messages)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("listening", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def serve(messages, port, middlewares=(), **settings):
    """Runs until the process is told to end. `settings` are put into the application."""
    asyncio.run(_serve(messages, port, list(middlewares), settings))
