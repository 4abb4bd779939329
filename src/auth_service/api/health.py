"""What machines ask about the service itself: is it alive, is it ready, and with which keys does it sign."""

from collections.abc import Awaitable, Callable, Sequence

from litestar import Controller, Router, get, route
from litestar.di import NamedDependency, Provide
from litestar.enums import HttpMethod

from auth_service.api import answers
from auth_service.api.answers import Answer

Ping = Callable[[], Awaitable[None]]
_CACHED = (b"cache-control", b"public, max-age=300")


class State:
    """What there is to tell: how to ask the database for a sign of life, and the public keys."""

    def __init__(self, ping: Ping, keys: Sequence[dict[str, str]]) -> None:
        self.ping = ping
        self.keys = answers.encode({"keys": list(keys)})


class Health(Controller):
    """Liveness and readiness."""

    @route("/health", http_method=[HttpMethod.GET, HttpMethod.HEAD], tags=["service"])
    async def ready(self, state_of_service: NamedDependency[State]) -> Answer:
        """Say whether the service can serve: it asks the database."""
        try:
            await state_of_service.ping()
        except Exception:  # noqa: BLE001 - whatever it is, the service is not ready
            return answers.json(503, {"status": "unavailable", "database": "unreachable"}, ((b"retry-after", b"1"),))
        return answers.json(200, {"status": "ok", "database": "ok"})

    @route("/health/live", http_method=[HttpMethod.GET, HttpMethod.HEAD], tags=["service"])
    async def alive(self) -> Answer:
        """Say that the process lives, whatever the database does."""
        return answers.json(200, {"status": "ok"})

    @get("/.well-known/jwks.json", tags=["service"])
    async def keys(self, state_of_service: NamedDependency[State]) -> Answer:
        """Give the public keys that access tokens can be checked with, by their `kid`."""
        return Answer(200, state_of_service.keys, (answers.JSON, _CACHED))


def health_routes(ping: Ping, keys: Sequence[dict[str, str]]) -> Router:
    """Return the paths that are about the service itself."""
    state = State(ping, keys)

    def provide_state() -> State:
        return state

    return Router(
        "/",
        route_handlers=[Health],
        dependencies={"state_of_service": Provide(provide_state, use_cache=True, sync_to_thread=False)},
    )
