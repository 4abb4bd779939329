"""The straight road: the requests that make up nearly all traffic reach their controller without Litestar's machinery.

Matching a route, building arguments and guarding against exceptions takes Litestar as long as everything that these few
handlers do. Those marked with `STRAIGHT` are looked up by method and path instead, and called just as Litestar would
call them: the same function, the same desk, the same table of refusals. Any other request goes the ordinary way.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar import Litestar, Request
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import Receive, Scope, Send

from auth_service.api.answers import Answer

STRAIGHT = {"straight": True}


class _Road(NamedTuple):
    call: Callable[..., Awaitable[Answer]]
    desk: Any
    answer_to: Callable[[Any, Exception], Answer]
    handler: HTTPRouteHandler
    template: str


class StraightRoad:
    """Sends a request to its handler by the shortest way there is."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._roads: dict[tuple[str, str], _Road] = {}
        for route in app.routes:
            for handler in getattr(route, "route_handlers", ()):
                if isinstance(handler, HTTPRouteHandler) and handler.opt.get("straight"):
                    self._pave(route.path, handler)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        road = self._roads.get((scope["method"], scope["path"])) if scope["type"] == ScopeType.HTTP else None
        if road is None:
            await self._app(scope, receive, send)
            return
        scope["route_handler"] = road.handler
        scope["path_template"] = road.template
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        try:
            answer = await road.call(request=request, desk=road.desk)
        except Exception as refused:  # noqa: BLE001 - whatever it is, the table has an answer
            answer = road.answer_to(request, refused)
        await answer(scope, receive, send)

    def _pave(self, path: str, handler: HTTPRouteHandler) -> None:
        road = _Road(
            handler.fn,
            handler.resolve_dependencies()["desk"].dependency(),
            handler.resolve_exception_handlers()[Exception],  # type: ignore[arg-type]
            handler,
            path,
        )
        for method in handler.http_methods:
            for spelling in (path, f"{path}/"):
                self._roads[(method, spelling)] = road
