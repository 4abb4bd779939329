"""The pages of a service: their paths, and what is shown where there is no page."""

from urllib.parse import urlsplit

from litestar import Router
from litestar.di import Provide

from auth_service.api.answers import Answer, refusals
from auth_service.api.bodies import AnyRequest
from auth_service.api.pages.account import Account
from auth_service.api.pages.cookies import Cookies
from auth_service.api.pages.desk import Desk
from auth_service.api.pages.entrance import Entrance
from auth_service.api.pages.errors import Refusals
from auth_service.api.pages.look import Look
from auth_service.api.pages.recovery import Recovery
from auth_service.api.pages.staff import Staff, other_methods
from auth_service.domain.core import Core
from auth_service.domain.policy import Policy

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Pages:
    """All pages over a core."""

    def __init__(self, core: Core, look: Look, *, insecure_cookies: bool) -> None:
        insecure = insecure_cookies or _is_tried_out(core.policy)
        desk = Desk(core, look, Cookies(int(core.policy.browser_lifetime), insecure))

        def provide_desk() -> Desk:
            return desk

        refused_by = Refusals(desk)

        # A function: of a method Litestar would copy all that stands behind it.
        def answer_to(request: AnyRequest, refused: Exception) -> Answer:
            return refused_by.answer_to(request, refused)

        self.answer_to = answer_to
        provided = {"desk": Provide(provide_desk, use_cache=True, sync_to_thread=False)}
        self.routers = (
            Router(
                "/",
                route_handlers=[Entrance, Recovery, Account],
                dependencies=provided,
                exception_handlers=refusals(answer_to),
            ),
            # What is refused here is answered as where there is no page, in the same words and kinds of content.
            Router("/", route_handlers=[*other_methods(), Staff], dependencies=provided),
        )


def _is_tried_out(policy: Policy) -> bool:
    """Is it known by no address but this machine's own, without TLS? Not every browser keeps `Secure` cookies there."""
    parts = urlsplit(policy.frontend_url)
    return parts.scheme == "http" and parts.hostname in _THIS_MACHINE
