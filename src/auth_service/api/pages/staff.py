"""People, for staff: found, looked at, let in, shut out, helped and deleted. For anybody else there is no such page.

Each handler asks for staff first: whoever is none is answered as on a path that does not exist, to the byte.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Controller, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from auth_service.api import answers
from auth_service.api.answers import Answer, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.fields import Form
from auth_service.api.pages import forms
from auth_service.api.pages.desk import Desk, Tried
from auth_service.api.people import number_in, query_of
from auth_service.domain.directory import STATES, Asked, Entry
from auth_service.domain.errors import NotFound, refuse_if
from auth_service.domain.model import Caller
from auth_service.languages import LANGUAGES

_ALL: Final = "/staff/people"
_ONE: Final = f"{_ALL}/{{user_id:str}}"
_ACTIONS: Final = ("activate", "deactivate", "resend", "reset", "sessions", "sessions/all")
_FILTERS: Final = ("q", "state", "staff", "confirmed")
_READ: Final = "GET, HEAD, OPTIONS"


class Staff(Controller):
    """Looking after the accounts of others."""

    @read(_ALL)
    async def find(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Find people. What is asked for stands in the address, so that it can be kept and sent on."""
        staff, asked = await desk.staff(request), query_of(request)
        empty = _listed(asked, users=(), following=None)
        desk.stand_on(request, Tried("staff_people.html", staff, Form(asked, []), _FILTERS, empty))
        page = await desk.core.directory.find(staff, Asked(**asked), client_of(request))
        shown = _listed(asked, users=page.users, following=page.next)
        return desk.show(request, "staff_people.html", caller=staff, typed=asked, **shown)

    @read(_ONE)
    async def show(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Show a person's account, its devices, and what happened to it lately."""
        staff, found = await _at_one(request, user_id, desk)
        return desk.show(request, "staff_person.html", caller=staff, **_entry(found, staff))

    @post(f"{_ONE}/activate")
    async def activate(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Let a person sign in."""
        staff, found = await _at_one(request, user_id, desk)
        await desk.core.administration.activate(staff, found.user.id, client_of(request))
        return desk.go(_page_of(found), notice="person_activated")

    @post(f"{_ONE}/deactivate")
    async def deactivate(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Shut a person out."""
        staff, found = await _at_one(request, user_id, desk)
        await desk.core.administration.deactivate(staff, found.user.id, client_of(request))
        return desk.go(_page_of(found), notice="person_deactivated")

    @post(f"{_ONE}/resend")
    async def resend(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Mail a person the link that confirms their address again."""
        staff, found = await _at_one(request, user_id, desk)
        await desk.core.administration.resend_activation(staff, found.user.id, client_of(request))
        return desk.go(_page_of(found), notice="person_resent")

    @post(f"{_ONE}/reset")
    async def reset(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Mail a person a link to choose a new password."""
        staff, found = await _at_one(request, user_id, desk)
        await desk.core.administration.send_reset(staff, found.user.id, client_of(request))
        return desk.go(_page_of(found), notice="person_reset")

    @post(f"{_ONE}/sessions")
    async def end_session(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Sign a person out on one device; one that is out already is no fault of whoever asks."""
        staff, found = await _at_one(request, user_id, desk)
        form = await desk.form(request, forms.Device, "staff_person.html", caller=staff, **_entry(found, staff))
        refuse_if(form.problems)
        with suppress(NotFound):
            await desk.core.administration.end_session(staff, found.user.id, form.given("session"), client_of(request))
        if form["session"] == staff.session_id:
            return desk.go("/signed-out", desk.cookies.drop())
        return desk.go(_page_of(found), notice="device_out")

    @post(f"{_ONE}/sessions/all")
    async def end_sessions(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Sign a person out on every device."""
        staff, found = await _at_one(request, user_id, desk)
        await desk.core.administration.end_sessions(staff, found.user.id, client_of(request))
        if found.user.id == staff.user.id:
            return desk.go("/signed-out", desk.cookies.drop())
        return desk.go(_page_of(found), notice="person_out")

    @read(f"{_ONE}/delete")
    async def ask_delete(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Ask whether an account is really to be deleted."""
        staff, found = await _at_one(request, user_id, desk)
        return desk.show(request, "staff_delete.html", caller=staff, person=found.user)

    @post(f"{_ONE}/delete")
    async def delete(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Delete an account, on its address."""
        staff, found = await _at_one(request, user_id, desk)
        form = await desk.form(request, forms.Confirmation, "staff_delete.html", caller=staff, person=found.user)
        await desk.core.administration.delete(
            staff, found.user.id, form["confirm"], client_of(request), found=form.problems
        )
        return desk.go(_ALL, notice="person_deleted")


def other_methods() -> Iterator[HTTPRouteHandler]:
    """Return handlers for what these pages do not do: what Litestar says of itself would tell that they exist.

    They have to be registered before the others: where it finds no OPTIONS yet, Litestar makes one of its own.
    """
    yield _refusing([_ALL, _ONE], _READ)
    yield _refusing([f"{_ONE}/{action}" for action in _ACTIONS], "POST, OPTIONS")
    yield _refusing([f"{_ONE}/delete"], "GET, HEAD, POST, OPTIONS")


def _refusing(paths: Sequence[str], allow: str) -> HTTPRouteHandler:
    refused = [method for method in HttpMethod if method.value not in allow.split(", ")]

    @route(list(paths), http_method=[*refused, HttpMethod.OPTIONS], status_code=200)
    async def other(request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        await desk.staff(request)
        if request.method == HttpMethod.OPTIONS:
            return answers.empty(headers=((b"allow", allow.encode()),))
        raise MethodNotAllowedException(headers={"allow": allow})

    return other


async def _at_one(request: AnyRequest, user_id: str, desk: Desk) -> tuple[Caller, Entry]:
    """Return who is asking and whom they look at. What is refused from here on is told on that person's page."""
    staff = await desk.staff(request)
    found = await desk.core.directory.show(staff, number_in(user_id), client_of(request))
    desk.stand_on(request, Tried("staff_person.html", staff, Form({}, []), (), _entry(found, staff)))
    return staff, found


def _entry(found: Entry, staff: Caller) -> dict[str, Any]:
    return {"entry": found, "here": staff.session_id, "languages": LANGUAGES}


def _page_of(found: Entry) -> str:
    return f"{_ALL}/{found.user.id}"


def _listed(asked: Mapping[str, str], *, users: Sequence[object], following: int | None) -> dict[str, Any]:
    """Return what the list is made of. Where it leads on to keeps what was asked."""
    kept = {name: text for name, text in asked.items() if name != "before"}
    return {
        "people": users,
        "states": STATES,
        "filtered": any(name in asked for name in _FILTERS),
        "newest": _address(kept) if "before" in asked else "",
        "next": _address({**kept, "before": str(following)}) if following else "",
    }


def _address(asked: Mapping[str, str]) -> str:
    return f"{_ALL}?{urlencode(asked)}" if asked else _ALL
