"""CORS: which pages of other origins may read answers in a browser (WHATWG Fetch, 3.2). Nobody's, unless named.

An origin is compared whole and never by a pattern, `null` is nobody, and only an origin that the operator named may
send cookies along: "any" is for callers who bring their token in a header.
"""

from collections.abc import Collection
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from auth_service.api.answers import Headers, PublicAnswer

ANY = "*"
_VARY: Headers = ((b"vary", b"Origin"),)
_SHOWN = (b"access-control-expose-headers", b"allow, retry-after, www-authenticate, x-request-id")
_MAY_SEND: Headers = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"600"),
)


class CrossOrigin:
    """Lets pages of the origins that the operator named read what they asked for."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._any = ANY in origins
        self._named = frozenset(origins) - {ANY}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a browser that asks whether it may, and tell it with every answer whether its page may read that."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        told = {
            name: value for name, value in scope["headers"] if name in {b"origin", b"access-control-request-method"}
        }
        allowed = self._allowed(told.get(b"origin", b""))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in told:
            # It comes without credentials, and no handler need see it.
            await PublicAnswer(204, b"", (*_VARY, *allowed, *(_MAY_SEND if allowed else ())))(scope, receive, send)
            return

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*cast("Headers", message["headers"]), *_VARY, *allowed]
            await send(message)

        await self._app(scope, receive, send_allowed)

    def _allowed(self, origin: bytes) -> Headers:
        """Return what tells a browser yes; nothing is a no."""
        if origin.decode("latin-1") in self._named:
            return ((b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true"), _SHOWN)
        if self._any and origin and origin != b"null":
            return ((b"access-control-allow-origin", b"*"), _SHOWN)
        return ()
