"""The service as one ASGI app: it opens what it needs when the server starts, and closes it when the server stops."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import cast

from litestar.types import ASGIApp, LifeSpanReceive, LifeSpanSend, Receive, Scope, Send


class Service:
    """Serves an app for as long as what stands behind it is open."""

    def __init__(self, running: Callable[[], AbstractAsyncContextManager[ASGIApp]]) -> None:
        self._running = running
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or follow the server's life."""
        if self._app is not None:
            await self._app(scope, receive, send)
            return
        await self._live(cast("LifeSpanReceive", receive), cast("LifeSpanSend", send))

    async def _live(self, receive: LifeSpanReceive, send: LifeSpanSend) -> None:
        await receive()
        try:
            async with self._running() as self._app:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            if self._app is None:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
            else:
                await send({"type": "lifespan.shutdown.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})
