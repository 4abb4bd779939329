"""The application: both dialects, the pages and the paths about the service, as one ASGI app."""

from litestar import Litestar

from auth_service.api.answers import Answer, refusals
from auth_service.api.bodies import AnyRequest
from auth_service.api.djoser.errors import answer_to as answer_in_djoser
from auth_service.api.djoser.routes import djoser_routes
from auth_service.api.docs.routes import docs_routes
from auth_service.api.health import Ping, health_routes
from auth_service.api.native.errors import answer_to as answer_in_native
from auth_service.api.native.routes import native_routes
from auth_service.api.options import Options
from auth_service.api.pages.routes import Pages
from auth_service.domain.core import Core
from auth_service.domain.errors import NotFound
from auth_service.domain.policy import Policy


def create_app(core: Core, options: Options, *, ping: Ping) -> Litestar:
    """Return the app over a core; who opened the core closes it."""
    pages = Pages(core, options.pages, insecure_cookies=options.insecure_cookies) if options.pages else None

    def answer_to(request: AnyRequest, refused: Exception) -> Answer:
        if _is_for_staff(request) and request.scope.get("route_handler") is None:
            # A method so odd that no handler was asked who it is for: nothing, whoever asks.
            refused = NotFound()
        if pages is not None and _wants_page(request):
            return pages.answer_to(request, refused)
        return _answer_to(request, refused)

    return Litestar(
        route_handlers=[
            *(pages.routers if pages else ()),
            djoser_routes(core, options.retypes),
            native_routes(core, insecure_cookies=options.insecure_cookies, named_origins=options.named_origins),
            health_routes(ping, options.keys),
            docs_routes(lambda: _described(core.policy, options)),
        ],
        exception_handlers=refusals(answer_to),
        # The dialects describe themselves (see `openapi`): what Litestar could tell from signatures is not all of it.
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _described(policy: Policy, options: Options) -> dict[str, object]:
    # Loaded here and not above: it looks at everything, this app too, and most processes are never asked for it.
    from auth_service.api.openapi import describe_service  # noqa: PLC0415

    return describe_service(policy, options)


def _is_for_staff(request: AnyRequest) -> bool:
    """Say whether a path is nothing to all but staff."""
    first, second, *_ = [*(part for part in request.scope["path"].split("/") if part), "", ""]
    return first == "staff" or (first, second) == ("api", "admin")


def _wants_page(request: AnyRequest) -> bool:
    """Say whether a request that no route took up is a person's, who looks at what comes back."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.scope["path"].startswith(("/auth", "/api"))


def _answer_to(request: AnyRequest, refused: Exception) -> Answer:
    """Answer what no route took up, in the dialect of its path."""
    if request.scope["path"].startswith("/auth"):
        return answer_in_djoser(request, refused)
    return answer_in_native(request, refused)
