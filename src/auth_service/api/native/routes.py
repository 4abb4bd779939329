"""The paths of this dialect, as one set of route handlers."""

from collections.abc import Sequence

from litestar import Router, route
from litestar.di import Provide
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from auth_service.api import answers
from auth_service.api.answers import Answer, refusals
from auth_service.api.native.access import Passwords, Sessions, SignIn
from auth_service.api.native.accounts import OwnAccount, Registration
from auth_service.api.native.administration import Administration, other_methods
from auth_service.api.native.cookies import Cookies
from auth_service.api.native.desk import Desk
from auth_service.api.native.errors import answer_to
from auth_service.domain.core import Core

CONTROLLERS = (Registration, OwnAccount, SignIn, Passwords, Sessions, Administration)


def native_routes(core: Core, *, insecure_cookies: bool, named_origins: Sequence[str] = ()) -> Router:
    """Return every path below `/api/`."""
    policy = core.policy
    cookies = Cookies(
        int(policy.access_lifetime),
        int(policy.refresh_lifetime),
        policy.frontend_url,
        insecure_cookies,
        frozenset(named_origins),
    )
    desk = Desk(core, cookies)

    def provide_desk() -> Desk:
        return desk

    return Router(
        "/",
        route_handlers=[
            # Where several handlers share a path, Litestar's own answer to OPTIONS names the methods of one of them.
            _options("/api/user", b"GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
            _options("/api/sessions", b"GET, HEAD, DELETE, OPTIONS"),
            *other_methods(),
            *CONTROLLERS,
        ],
        dependencies={"desk": Provide(provide_desk, use_cache=True, sync_to_thread=False)},
        exception_handlers=refusals(answer_to),
        tags=["native"],
    )


def _options(path: str, allow: bytes) -> HTTPRouteHandler:
    @route(path, http_method=HttpMethod.OPTIONS, opt={"allow": allow}, status_code=200)
    async def tell() -> Answer:
        return answers.empty()

    return tell
