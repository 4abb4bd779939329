"""The desk: what every handler of the pages asks for, made once at start."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from auth_service.api.answers import Answer, Headers
from auth_service.api.bodies import AnyRequest, read_body
from auth_service.api.caller import client_of
from auth_service.api.fields import Form, read_fields
from auth_service.api.origin import CrossSite, is_ours
from auth_service.api.pages.cookies import Cookies
from auth_service.api.pages.look import Look
from auth_service.api.pages.sentences import Told, tell_notice
from auth_service.domain.core import Core
from auth_service.domain.errors import NotFound, NotSignedIn, TokenRejected
from auth_service.domain.model import Caller

_SAFE = frozenset({"GET", "HEAD"})


class Tried(Struct, frozen=True):
    """A form that is being dealt with: the page it stands on, who sent it, and what was typed."""

    template: str
    caller: Caller | None
    form: Form
    fields: tuple[str, ...]
    context: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Desk:
    """The core, the look of the pages, and the cookies of browsers."""

    core: Core
    look: Look
    cookies: Cookies

    async def visitor(self, request: AnyRequest) -> Caller | None:
        """Return who is signed in, if anybody is."""
        token = self.cookies.token(request)
        if not token:
            return None
        try:
            return await self.core.tokens.identify_browser(token)
        except TokenRejected:
            return None

    async def caller(self, request: AnyRequest) -> Caller:
        """Return who is signed in, or refuse."""
        self.prove(request)
        caller = await self.visitor(request)
        if caller is None:
            raise NotSignedIn
        return caller

    async def staff(self, request: AnyRequest) -> Caller:
        """Return the member of staff who is signed in. To anybody else nothing is here, whatever they sent.

        It is asked before all else: a form that is not ours, or one that cannot be read, would be told apart.
        """
        caller = await self.visitor(request)
        if caller is None:
            raise NotFound
        self.core.directory.admit(caller, client_of(request))
        self.prove(request)
        return caller

    def prove(self, request: AnyRequest) -> None:
        """Refuse a form that cannot be shown to stand on a page of ours: signing in is one too (login CSRF)."""
        if request.method not in _SAFE and not is_ours(request, self.core.policy.frontend_url, if_told=False):
            raise CrossSite

    async def form(
        self,
        request: AnyRequest,
        struct: type[Struct],
        template: str,
        *,
        caller: Caller | None = None,
        **context: object,
    ) -> Form:
        """Read a form. Whatever is refused from here on is told on the page it stands on, with what was typed."""
        self.prove(request)
        form = read_fields(struct, await read_body(request))
        self.stand_on(request, Tried(template, caller, form, struct.__struct_fields__, context))
        return form

    def stand_on(self, request: AnyRequest, tried: Tried) -> None:
        """Have whatever is refused from here on told on a page."""
        # Kept with the request: the table of refusals looks for it there.
        request.scope.setdefault("state", {})["tried"] = tried

    def show(
        self,
        request: AnyRequest,
        template: str,
        *,
        caller: Caller | None = None,
        told: Told | None = None,
        typed: Mapping[str, str | None] | None = None,
        headers: Headers = (),
        **context: object,
    ) -> Answer:
        """Return a page. What was done on the one before is told once."""
        user = caller.user if caller else None
        words = self.look.words(request, user)
        noticed = self.cookies.noticed(request)
        given = {
            **context,
            "user": user,
            "policy": self.core.policy,
            "told": told,
            "typed": typed or {},
            "notice": "" if told else tell_notice(noticed, words),
        }
        if noticed:
            headers = (*headers, self.cookies.notice(""))
        return self.look.page(template, words, given, status=told.status if told else 200, headers=headers)

    def go(self, path: str, *cookies: tuple[bytes, bytes], notice: str = "") -> Answer:
        """Send a browser on to a page of ours, which tells what was done; reloading that one repeats nothing."""
        noticed = (self.cookies.notice(notice),) if notice else ()
        return Answer(303, b"", ((b"location", path.encode("latin-1")), *noticed, *cookies))
