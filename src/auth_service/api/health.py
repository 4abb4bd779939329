"""What machines ask about the service itself: is it alive, is it ready, and with which keys does it sign."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from litestar import Controller, Router
from litestar.di import NamedDependency, Provide
from msgspec import Struct

from auth_service.api import answers
from auth_service.api.answers import Answer, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.contract import Reply, contract
from auth_service.domain.keys import MAX_AGE

Ping = Callable[[], Awaitable[None]]
PublicKeys = Callable[[], Sequence[dict[str, str]]]
_KEPT = b"public, max-age=%d" % MAX_AGE


class Liveness(Struct):
    """Whether the process lives."""

    status: Literal["ok"]


class Readiness(Struct):
    """Whether the service can serve, and if not, why."""

    status: Literal["ok", "unavailable"]
    database: Literal["ok", "unreachable"]


class Keys(Struct):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, str]]


class State:
    """What there is to tell: how to ask the database for a sign of life, and for the public keys of the moment."""

    def __init__(self, ping: Ping, keys: PublicKeys) -> None:
        self.ping = ping
        self.keys = keys


class Health(Controller):
    """Liveness and readiness."""

    @read("/health", tags=["service"])
    @contract(
        Reply(200, "It can.", Readiness),
        Reply(
            503,
            "The database does not answer.",
            Readiness,
            headers=("Retry-After",),
            shows={"status": "unavailable", "database": "unreachable"},
        ),
        by="anybody",
    )
    async def ready(self, state_of_service: NamedDependency[State]) -> Answer:
        """Say whether the service can serve: it asks the database."""
        try:
            await state_of_service.ping()
        except Exception:  # noqa: BLE001 - whatever it is, the service is not ready
            return answers.json(503, Readiness("unavailable", "unreachable"), ((b"retry-after", b"1"),))
        return answers.json(200, Readiness("ok", "ok"))

    @read("/health/live", tags=["service"])
    @contract(Reply(200, "It lives.", Liveness), by="anybody")
    async def alive(self) -> Answer:
        """Say that the process lives, whatever the database does."""
        return answers.json(200, Liveness("ok"))

    @read("/.well-known/jwks.json", tags=["service"])
    @contract(
        Reply(
            200,
            "The keys (RFC 7517): first the one that signs, then the one that will, then those that did and whose"
            " tokens are still out. None where tokens are signed with a secret.",
            Keys,
            headers=("ETag",),
        ),
        Reply(304, "They are what the client has.", headers=("ETag",)),
        by="anybody",
    )
    async def keys(self, request: AnyRequest, state_of_service: NamedDependency[State]) -> Answer:
        """Give the public keys that access tokens can be checked with, by their `kid`."""
        keys = answers.encode(Keys(list(state_of_service.keys())))
        asked = request.headers.get("if-none-match", "")
        return answers.public(asked, answers.known_again(keys), _KEPT, keys, (answers.JSON,))


def health_routes(ping: Ping, keys: PublicKeys) -> Router:
    """Return the paths that are about the service itself."""
    state = State(ping, keys)

    def provide_state() -> State:
        return state

    return Router(
        "/",
        route_handlers=[Health],
        dependencies={"state_of_service": Provide(provide_state, use_cache=True, sync_to_thread=False)},
    )
