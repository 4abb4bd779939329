"""Answers, ready to be sent: status, headers and bytes.

A handler that returns one of these is spared Litestar's response machinery, which costs more than most requests here.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import litestar
import msgspec
from litestar.enums import HttpMethod
from litestar.types import ExceptionHandlersMap, Receive, Scope, Send

Headers = Sequence[tuple[bytes, bytes]]

# An answer brings its own status. Litestar believes a DELETE to be one of 204 only, and would refuse it a body.
delete = partial(litestar.delete, status_code=200)
# RFC 9110, 9.1: what can be read can be asked about without its body.
read = partial(litestar.route, http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=200)

encode = msgspec.json.Encoder().encode

JSON = (b"content-type", b"application/json")
# Personal data and tokens are for the one who asked, and for no cache on the way (RFC 9111 5.2.2.5).
PRIVATE = (b"cache-control", b"no-store")
NOSNIFF = (b"x-content-type-options", b"nosniff")
# RFC 9110 8.6: nothing stands in these, so no length of it either.
_BODILESS = frozenset({204, 304})


class Answer:
    """One answer. `Allow` is added from what the route says of itself (`opt["allow"]`)."""

    __slots__ = ("body", "headers", "status")
    always: Headers = (NOSNIFF, PRIVATE)

    def __init__(self, status: int, body: bytes = b"", headers: Headers = ()) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's form
        """Send it."""
        headers = [*self.always, *self.headers]
        route = scope.get("route_handler")
        allow = route.opt.get("allow") if route is not None else None
        if allow is not None:
            headers.append((b"allow", allow))
        if self.body or self.status not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

    def to_asgi_response(self, *_: Any, **__: Any) -> "Answer":  # noqa: ANN401 - Litestar's signature
        """Be what an exception handler returns: this is ready as it is."""
        return self


class PublicAnswer(Answer):
    """One that is the same for everybody: its own headers say for how long a cache may keep it."""

    __slots__ = ()
    always = (NOSNIFF,)


def known_again(content: bytes) -> bytes:
    """Return the ETag of content: the same as long as it is the same."""
    return f'"{hashlib.sha256(content).hexdigest()[:20]}"'.encode()


def public(if_none_match: str, etag: bytes, kept: bytes, content: bytes, headers: Headers) -> PublicAnswer:
    """Return what caches may keep, or, to whoever has it already, that it is still the same (RFC 9110 13.1.2)."""
    told = ((b"etag", etag), (b"cache-control", kept))
    # A cache on the way may have marked it as weak, which makes no difference to this question.
    if etag in [tag.strip().removeprefix("W/").encode() for tag in if_none_match.split(",")]:
        return PublicAnswer(304, b"", told)
    return PublicAnswer(200, content, (*headers, *told))


def json(status: int, content: object, headers: Headers = ()) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, encode(content), (JSON, *headers))


def empty(status: int = 204, headers: Headers = ()) -> Answer:
    """Return an answer without a body."""
    return Answer(status, b"", headers)


def refusals(answer_to: Callable[[Any, Exception], Answer]) -> ExceptionHandlersMap:
    """Return a dialect's one exception handler in Litestar's form: all that is raised is answered by one table."""
    return cast("ExceptionHandlersMap", {Exception: answer_to})
