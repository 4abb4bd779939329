"""Methods a path does not have: every path of this dialect names its own, with or without an `Allow` asked for."""

from collections.abc import Sequence

from litestar import route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from auth_service.api import answers
from auth_service.api.answers import Answer
from auth_service.api.bodies import AnyRequest
from auth_service.api.djoser.desk import Desk

COLLECTION = b"GET, POST, HEAD, OPTIONS"
ACCOUNT = b"GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
ACTION = b"POST, OPTIONS"

READ = [HttpMethod.GET, HttpMethod.HEAD]
_ALL = (*READ, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE)


def other_methods(
    paths: Sequence[str], allow: bytes, *, open_to_all: bool = False, handled: Sequence[HttpMethod] = ()
) -> HTTPRouteHandler:
    """Return a handler for what a path does not do, and for OPTIONS, which needs no credentials: browsers send none.

    It has to be registered before the others: where it finds no OPTIONS yet, Litestar makes one of its own.
    """
    allowed = {*allow.decode().split(", "), *(method.value for method in handled)}
    refused = [method for method in _ALL if method.value not in allowed]

    @route(
        list(paths),
        http_method=[*refused, HttpMethod.OPTIONS],
        opt={"allow": allow, **({"open": True} if open_to_all else {})},
        status_code=200,
    )
    async def other(request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        if request.method != "OPTIONS":
            await desk.refuse_method(request)
        return answers.empty(200)

    return other


def allowed_at(path: str) -> bytes:
    """Return what a path takes, where a method is so odd that no route was asked."""
    match path.strip("/").split("/"):
        case ["auth", "users"]:
            return COLLECTION
        case ["auth", "users", "me"]:
            return ACCOUNT
        case ["auth", "users", name] if name.isdigit():
            return ACCOUNT
        case _:
            return ACTION
