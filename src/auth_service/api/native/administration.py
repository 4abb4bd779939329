"""Administration: what staff do with the accounts of others. For anybody else there is nothing here.

Each handler asks for staff first: whoever is none is answered as on a path that does not exist, to the byte.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from litestar import Controller, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from auth_service.api import answers
from auth_service.api.answers import Answer, delete, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.contract import TOO_OFTEN, Only, Reply, contract
from auth_service.api.native import wire
from auth_service.api.native.desk import Desk, device, entry, person, record
from auth_service.api.native.errors import problem
from auth_service.api.people import number_in, query_of
from auth_service.domain.directory import Asked
from auth_service.domain.errors import InvalidInput, NotAllowed, Problem

_READ: Final = "GET, HEAD, OPTIONS"
_WITH_MAILS = Only(lambda policy: policy.confirms_addresses, Reply(200, "The mail is on its way.", wire.Status))


class Administration(Controller):
    """Looking after the accounts of others, for staff. For anybody else there is nothing here: they get a 404."""

    path = "/api/admin/users"

    @read("/")
    @contract(Reply(200, "Accounts, the newest first.", wire.People), by="staff", asks=wire.Search)
    async def find(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Find people."""
        staff = await desk.staff(request)
        page = await desk.core.directory.find(staff, Asked(**query_of(request)), client_of(request))
        return answers.json(200, wire.People([person(each) for each in page.users], page.next))

    @read("/{user_id:str}")
    @contract(Reply(200, "The account, its devices, and the latest of the journal about it.", wire.Entry), by="staff")
    async def show(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Show a person's account."""
        staff = await desk.staff(request)
        found = await desk.core.directory.show(staff, number_in(user_id), client_of(request))
        return answers.json(200, entry(found, staff))

    @delete("/{user_id:str}")
    @contract(
        Reply(204, "The account is gone, and everything issued to it."),
        InvalidInput([Problem("confirm", "not_confirmed")]),
        NotAllowed("oneself"),
        by="staff",
        takes=wire.Confirmation,
    )
    async def remove(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Delete a person's account. To confirm, its address or its id is said again in the body."""
        staff = await desk.staff(request)
        form = await desk.form(request, wire.Confirmation)
        await desk.core.administration.delete(
            staff, number_in(user_id), form["confirm"], client_of(request), found=form.problems
        )
        return answers.empty()

    @post("/{user_id:str}/activate")
    @contract(Reply(200, "The account as it is now.", wire.Person), by="staff")
    async def activate(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Let a person sign in. Their address is as proven as it was before."""
        staff = await desk.staff(request)
        user = await desk.core.administration.activate(staff, number_in(user_id), client_of(request))
        return answers.json(200, person(user))

    @post("/{user_id:str}/deactivate")
    @contract(
        Reply(200, "The account as it is now.", wire.Person, shows={"state": "deactivated"}),
        NotAllowed("oneself"),
        by="staff",
    )
    async def deactivate(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Shut a person out. Every sign-in ends, and nothing that is mailed lifts it."""
        staff = await desk.staff(request)
        user = await desk.core.administration.deactivate(staff, number_in(user_id), client_of(request))
        return answers.json(200, person(user))

    @post("/{user_id:str}/resend")
    @contract(
        _WITH_MAILS,
        NotAllowed("nothing_to_confirm"),
        NotAllowed("not_active"),
        Only(lambda policy: policy.confirms_addresses, TOO_OFTEN),
        by="staff",
    )
    async def resend(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Mail a person the link that proves their address again."""
        staff = await desk.staff(request)
        await desk.core.administration.resend_activation(staff, number_in(user_id), client_of(request))
        return answers.json(200, wire.Status("ok"))

    @post("/{user_id:str}/reset")
    @contract(Reply(200, "The mail is on its way.", wire.Status), NotAllowed("not_active"), TOO_OFTEN, by="staff")
    async def reset(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Mail a person a link to choose a new password. The present one is good until then."""
        staff = await desk.staff(request)
        await desk.core.administration.send_reset(staff, number_in(user_id), client_of(request))
        return answers.json(200, wire.Status("ok"))

    @read("/{user_id:str}/sessions")
    @contract(Reply(200, "The devices, the newest first.", list[wire.Device]), by="staff")
    async def sessions(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """List the devices a person is signed in on."""
        staff = await desk.staff(request)
        found = await desk.core.directory.sessions_of(staff, number_in(user_id), client_of(request))
        return answers.json(200, [device(each, staff) for each in found])

    @delete("/{user_id:str}/sessions")
    @contract(Reply(204, "Every device is signed out."), by="staff")
    async def end_all(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Sign a person out on every device."""
        staff = await desk.staff(request)
        await desk.core.administration.end_sessions(staff, number_in(user_id), client_of(request))
        return answers.empty()

    @delete("/{user_id:str}/sessions/{device_id:str}")
    @contract(Reply(204, "The device is signed out."), by="staff")
    async def end(
        self, request: AnyRequest, user_id: FromPath[str], device_id: FromPath[str], desk: NamedDependency[Desk]
    ) -> Answer:
        """Sign a person out on one device."""
        staff = await desk.staff(request)
        await desk.core.administration.end_session(staff, number_in(user_id), device_id, client_of(request))
        return answers.empty()

    @read("/{user_id:str}/journal")
    @contract(Reply(200, "Outcomes, the newest first.", list[wire.Record]), by="staff", asks=wire.Length)
    async def journal(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """List what the journal kept of a person's account, also of one that was deleted."""
        staff = await desk.staff(request)
        found = await desk.core.directory.facts_about(
            staff, number_in(user_id), query_of(request).get("limit"), client_of(request)
        )
        return answers.json(200, [record(each) for each in found])


def other_methods() -> Iterator[HTTPRouteHandler]:
    """Return handlers for what these paths do not do: what Litestar says of itself would tell that they exist.

    They have to be registered before the others: where it finds no OPTIONS yet, Litestar makes one of its own.
    """
    one = "/api/admin/users/{user_id:str}"
    yield _refusing(["/api/admin/users", f"{one}/journal"], _READ)
    yield _refusing([one, f"{one}/sessions"], "GET, HEAD, DELETE, OPTIONS")
    yield _refusing([f"{one}/{verb}" for verb in ("activate", "deactivate", "resend", "reset")], "POST, OPTIONS")
    yield _refusing([f"{one}/sessions/{{device_id:str}}"], "DELETE, OPTIONS")


def _refusing(paths: Sequence[str], allow: str) -> HTTPRouteHandler:
    refused = [method for method in HttpMethod if method.value not in allow.split(", ")]
    headers = ((b"allow", allow.encode()),)

    @route(list(paths), http_method=[*refused, HttpMethod.OPTIONS], status_code=200)
    async def other(request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        await desk.staff(request)
        if request.method == HttpMethod.OPTIONS:
            return answers.empty(200, headers)
        return problem(405, "method_not_allowed", f"{request.method} does nothing here.", headers)

    return other
