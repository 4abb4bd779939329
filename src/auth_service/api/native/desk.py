"""The desk: what every handler of this dialect asks for, made once at start."""

from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec import Struct

from auth_service.api.bodies import AnyRequest, read_body
from auth_service.api.caller import CredentialsRejected, read_caller
from auth_service.api.fields import Form, read_fields
from auth_service.api.native import wire
from auth_service.api.native.cookies import Cookies
from auth_service.domain.core import Core
from auth_service.domain.errors import NotSignedIn, TokenRejected, refuse_if
from auth_service.domain.model import Caller, Session, User


@dataclass(frozen=True, slots=True)
class Desk:
    """The core, and the cookies of browsers."""

    core: Core
    cookies: Cookies

    async def caller(self, request: AnyRequest) -> Caller:
        """Return who is calling, by header or by cookie, or refuse. What a header says goes before a cookie."""
        caller = await read_caller(request, self.core.tokens)
        if caller is not None:
            return caller
        cookie = self.cookies.access(request)
        if cookie is None:
            raise NotSignedIn
        self.cookies.prove_same_origin(request)
        try:
            return await self.core.tokens.identify(cookie)
        except TokenRejected as rejected:
            raise CredentialsRejected(rejected.reason) from None

    async def form(self, request: AnyRequest, struct: type[Struct]) -> Form:
        """Read the body as the fields of a Struct."""
        return read_fields(struct, await read_body(request))

    async def complete(self, request: AnyRequest, struct: type[Struct]) -> Form:
        """Read a form that is no use unless all of it is right."""
        form = await self.form(request, struct)
        refuse_if(form.problems)
        return form


def user(found: User) -> wire.User:
    """Return the caller's account as this dialect shows it."""
    return wire.User(found.id, found.username, found.email, found.email_confirmed, found.pending_email)


def device(session: Session, caller: Caller) -> wire.Device:
    """Return a sign-in as this dialect shows it."""
    return wire.Device(
        session.id,
        session.kind,
        _when(session.created_at),
        _when(session.last_seen_at),
        session.address,
        session.agent,
        session.id == caller.session_id,
    )


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
