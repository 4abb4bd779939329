"""Where the documentation is served: made when it is first asked for, then ready as bytes with an ETag."""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.resources import files

from litestar import Controller, Router, route
from litestar.di import NamedDependency, Provide
from litestar.enums import HttpMethod
from litestar.params import FromPath
from msgspec import Struct

from auth_service.api import answers
from auth_service.api.answers import Answer, Headers
from auth_service.api.bodies import AnyRequest
from auth_service.api.contract import Reply, contract
from auth_service.domain.errors import NotFound

ASSETS: Mapping[str, str] = {"docs.css": "text/css", "docs.js": "text/javascript", "docs.svg": "image/svg+xml"}

_READ = [HttpMethod.GET, HttpMethod.HEAD]
# Everything comes from here, and nothing that stands in the page itself is run or applied.
_POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASKED_AGAIN = Reply(304, "It is what the client has.", headers=("ETag",))


class _Sheet(Struct, frozen=True):
    """Bytes to be served, and how they are known again."""

    content: bytes
    headers: Headers
    etag: bytes

    def answer(self, request: AnyRequest) -> Answer:
        """Send it, unless the client says that it has it already."""
        asked = request.headers.get("if-none-match", "")
        return answers.public(asked, self.etag, b"public, no-cache", self.content, self.headers)


class Shelf:
    """The documentation of one service. Most processes are never asked for it, so it costs them nothing."""

    def __init__(self, describe: Callable[[], dict[str, object]]) -> None:
        self._describe = describe

    @cached_property
    def document(self) -> _Sheet:
        """The OpenAPI document."""
        return _sheet(answers.encode(self._describe()), "application/json")

    @cached_property
    def page(self) -> _Sheet:
        """The page to read it on."""
        # Loaded here and not above: only whoever looks at the page needs what makes it.
        from auth_service.api.docs.page import render  # noqa: PLC0415

        return _sheet(render(self._describe()), "text/html; charset=utf-8", (b"content-security-policy", _POLICY))

    @cached_property
    def assets(self) -> dict[str, _Sheet]:
        """What the page needs besides."""
        folder = files(__package__)
        return {
            name: _sheet(folder.joinpath(name).read_bytes(), f"{media_type}; charset=utf-8")
            for name, media_type in ASSETS.items()
        }


class Docs(Controller):
    """This documentation."""

    path = "/"

    @route("/openapi.json", http_method=_READ)
    @contract(Reply(200, "The document.", dict, headers=("ETag",)), _ASKED_AGAIN, by="anybody")
    async def document(self, request: AnyRequest, shelf: NamedDependency[Shelf]) -> Answer:
        """Give the OpenAPI document of the service."""
        return shelf.document.answer(request)

    @route("/docs", http_method=_READ)
    @contract(Reply(200, "The page.", str, "text/html", headers=("ETag",)), _ASKED_AGAIN, by="anybody")
    async def page(self, request: AnyRequest, shelf: NamedDependency[Shelf]) -> Answer:
        """Give a page to read the document on."""
        return shelf.page.answer(request)

    @route("/docs/{file:str}", http_method=_READ)
    @contract(
        *(Reply(200, "The file.", str, media_type, headers=("ETag",)) for media_type in ASSETS.values()),
        _ASKED_AGAIN,
        NotFound(),
        by="anybody",
    )
    async def asset(self, request: AnyRequest, file: FromPath[str], shelf: NamedDependency[Shelf]) -> Answer:
        """Give a file that the page needs."""
        if file not in shelf.assets:
            raise NotFound
        return shelf.assets[file].answer(request)


def docs_routes(describe: Callable[[], dict[str, object]]) -> Router:
    """Return the paths of the documentation that `describe` makes."""
    shelf = Shelf(describe)

    def provide_shelf() -> Shelf:
        return shelf

    return Router(
        "/",
        route_handlers=[Docs],
        dependencies={"shelf": Provide(provide_shelf, use_cache=True, sync_to_thread=False)},
    )


def _sheet(content: bytes, content_type: str, *headers: tuple[bytes, bytes]) -> _Sheet:
    return _Sheet(content, ((b"content-type", content_type.encode()), *headers), answers.known_again(content))
