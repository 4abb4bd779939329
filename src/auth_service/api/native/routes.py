"""The paths of this dialect, as one set of route handlers."""

from litestar import Router
from litestar.di import Provide

from auth_service.api.answers import refusals
from auth_service.api.native.access import Passwords, Sessions, SignIn
from auth_service.api.native.accounts import OwnAccount, Registration
from auth_service.api.native.cookies import Cookies
from auth_service.api.native.desk import Desk
from auth_service.api.native.errors import answer_to
from auth_service.domain.core import Core


def native_routes(core: Core, *, insecure_cookies: bool) -> Router:
    """Return every path below `/api/`."""
    policy = core.policy
    cookies = Cookies(int(policy.access_lifetime), int(policy.refresh_lifetime), policy.frontend_url, insecure_cookies)
    desk = Desk(core, cookies)

    def provide_desk() -> Desk:
        return desk

    return Router(
        "/",
        route_handlers=[Registration, OwnAccount, SignIn, Passwords, Sessions],
        dependencies={"desk": Provide(provide_desk, use_cache=True, sync_to_thread=False)},
        exception_handlers=refusals(answer_to),
        tags=["native"],
    )
