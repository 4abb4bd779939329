"""Accounts: `users/`, `users/me/` and `users/{id}/`."""

import re

from litestar import Controller, patch, post, put, route
from litestar.di import NamedDependency
from litestar.params import FromPath

from auth_service.api import answers
from auth_service.api.answers import Answer, delete
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.djoser import wire
from auth_service.api.djoser.desk import Desk, account
from auth_service.api.djoser.methods import ACCOUNT, COLLECTION, READ
from auth_service.api.straight import STRAIGHT
from auth_service.domain.errors import NotFound, NotSignedIn
from auth_service.domain.model import Caller
from auth_service.domain.registration import SignUp

_NUMBER = re.compile(r"-?[0-9]{1,18}")


class Accounts(Controller):
    """Everybody an asker may see, and registration."""

    path = "/auth/users"
    opt = {"allow": COLLECTION}  # noqa: RUF012 - Litestar's form

    @post("/", opt=STRAIGHT)
    async def register(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Register a newcomer."""
        await desk.visitor(request)
        form = await desk.form(request, wire.Registration)
        new = SignUp(
            username=form["username"],
            email=form["email"],
            password=form["password"],
            retyped=form["re_password"],
        )
        user = await desk.core.registration.register(new, client_of(request), found=form.problems)
        return answers.json(201, account(user))

    @route("/", http_method=READ)
    async def everybody(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """List the accounts that the caller may see."""
        caller = await desk.caller(request)
        return answers.json(200, [account(user) for user in await desk.core.profiles.visible(caller)])


class Me(Controller):
    """One's own account."""

    path = "/auth/users/me"
    opt = {"allow": ACCOUNT}  # noqa: RUF012 - Litestar's form

    @route("/", http_method=READ, opt=STRAIGHT)
    async def show(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Show the caller's account."""
        return answers.json(200, account((await desk.caller(request)).user))

    @put("/")
    async def replace(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the caller's account; the field that may be changed has to be given."""
        caller = await desk.caller(request)
        return await _change(request, desk, caller, caller.user.id, optional=False)

    @patch("/")
    async def change(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change what is given of the caller's account."""
        caller = await desk.caller(request)
        return await _change(request, desk, caller, caller.user.id, optional=True)

    @delete("/")
    async def remove(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Delete the caller's account, on their password."""
        caller = await desk.caller(request)
        return await _delete(request, desk, caller, caller.user.id)


class SomeAccount(Controller):
    """An account by its id: one's own, or as staff anybody's."""

    path = "/auth/users/{user_id:str}"
    opt = {"allow": ACCOUNT}  # noqa: RUF012 - Litestar's form

    @route("/", http_method=READ)
    async def show(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Show an account."""
        caller, number = await _asked(request, desk, user_id)
        return answers.json(200, account(await desk.core.profiles.show(caller, number)))

    @put("/")
    async def replace(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Change an account; the field that may be changed has to be given."""
        caller, number = await _asked(request, desk, user_id)
        return await _change(request, desk, caller, number, optional=False)

    @patch("/")
    async def change(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Change what is given of an account."""
        caller, number = await _asked(request, desk, user_id)
        return await _change(request, desk, caller, number, optional=True)

    @delete("/")
    async def remove(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Delete an account, on the caller's own password."""
        caller, number = await _asked(request, desk, user_id)
        return await _delete(request, desk, caller, number)

    @post("/")
    async def refuse(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Refuse a POST: an account takes none, and a word that is no id is no path at all."""
        if not _NUMBER.fullmatch(user_id):
            await desk.visitor(request)
            raise NotFound
        await desk.refuse_method(request)
        return answers.empty()


async def _asked(request: AnyRequest, desk: Desk, user_id: str) -> tuple[Caller, int]:
    """Return who asks for which account."""
    caller = await desk.visitor(request)
    if not _NUMBER.fullmatch(user_id):
        raise NotFound
    if caller is None:
        raise NotSignedIn
    return caller, int(user_id)


async def _change(request: AnyRequest, desk: Desk, caller: Caller, user_id: int, *, optional: bool) -> Answer:
    # Who may not see the account is told so before their body is looked at.
    await desk.core.profiles.show(caller, user_id)
    struct = wire.ProfileEmail if desk.login_field == "username" else wire.ProfileUsername
    form = await desk.form(request, struct, optional=optional)
    user = await desk.core.profiles.change(
        caller,
        user_id,
        client_of(request),
        username=form["username"],
        email=form["email"],
        found=form.problems,
    )
    return answers.json(200, account(user))


async def _delete(request: AnyRequest, desk: Desk, caller: Caller, user_id: int) -> Answer:
    await desk.core.profiles.show(caller, user_id)
    form = await desk.form(request, wire.CurrentPassword)
    await desk.core.profiles.delete(caller, user_id, form["current_password"], client_of(request), found=form.problems)
    return answers.empty()
