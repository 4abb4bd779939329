"""The desk: what every handler of this dialect asks for, made once at start."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from auth_service.api.bodies import AnyRequest, read_body
from auth_service.api.caller import CredentialsRejected, HeaderRejected, client_of, read_caller
from auth_service.api.fields import Form, read_fields
from auth_service.api.native import wire
from auth_service.api.native.cookies import Cookies
from auth_service.domain.core import Core
from auth_service.domain.directory import Entry
from auth_service.domain.errors import NotFound, NotSignedIn, TokenRejected, refuse_if
from auth_service.domain.model import Caller, KeptFact, Session, User


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

    async def staff(self, request: AnyRequest) -> Caller:
        """Return the member of staff who is calling. To anybody else nothing is here, whatever came with the request.

        It is asked before all else: a body that cannot be read, or a cookie without its proof, would be told apart.
        """
        try:
            caller = await read_caller(request, self.core.tokens)
            cookie = self.cookies.access(request) if caller is None else None
            if cookie is not None:
                caller = await self.core.tokens.identify(cookie)
        except (CredentialsRejected, HeaderRejected, TokenRejected):
            raise NotFound from None
        if caller is None:
            raise NotFound
        self.core.directory.admit(caller, client_of(request))
        if cookie is not None:
            self.cookies.prove_same_origin(request)
        return caller

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


def person(found: User) -> wire.Person:
    """Return an account as staff see it."""
    return wire.Person(**_facts_of(found))


def entry(found: Entry, staff: Caller) -> wire.Entry:
    """Return all that staff see of an account."""
    return wire.Entry(
        **_facts_of(found.user),
        sessions=[device(each, staff) for each in found.sessions],
        journal=[record(each) for each in found.facts],
    )


def record(fact: KeptFact) -> wire.Record:
    """Return what the journal kept as staff see it."""
    return wire.Record(fact.id, _when(fact.at), fact.what, fact.session_id, fact.address, fact.agent, fact.why)


def _facts_of(found: User) -> dict[str, Any]:
    return {
        "id": found.id,
        "username": found.username,
        "email": found.email,
        "pending_email": found.pending_email,
        "is_email_confirmed": found.email_confirmed,
        "state": found.state,
        "is_staff": found.is_staff,
        "language": found.language or None,
        "created": _when(found.created_at),
    }


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
