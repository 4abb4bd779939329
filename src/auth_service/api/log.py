"""The access log and the request id: one line for each request, written cheaply, with nothing secret in it.

The line names the route, not the path or the query: what stands there can be somebody's link or token.
"""

import itertools
import os
import time
from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

Line = dict[str, object]
WriteLine = Callable[[Line], None]


class RequestLog:
    """Gives each request an id, which stands in the answer and in every line about it, and logs how it ended."""

    def __init__(self, app: ASGIApp, write: WriteLine, bind: Callable[[str], None]) -> None:
        self._app = app
        self._write = write
        self._bind = bind
        # Not a secret: it tells requests apart, here and across processes and restarts.
        self._prefix = os.urandom(6).hex()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how it ended."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = f"{self._prefix}{next(self._numbers):08x}"
        self._bind(request_id)
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            client = scope.get("client")
            self._write(
                {
                    "event": "request",
                    "method": scope["method"],
                    "route": scope.get("path_template") or "-",
                    "status": status,
                    "ms": round((time.perf_counter() - began) * 1000, 2),
                    "client": client[0] if client else "-",
                    "request_id": request_id,
                }
            )
