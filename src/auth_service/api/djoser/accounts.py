"""Accounts: `users/`, `users/me/` and `users/{id}/`."""

import re

from litestar import Controller, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from auth_service.api import answers
from auth_service.api.answers import Answer, delete, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.contract import TOO_OFTEN, WRONG_PASSWORD, Gone, Only, Reply, Takes, contract, taken, weak
from auth_service.api.djoser import wire
from auth_service.api.djoser.desk import Desk, account
from auth_service.api.djoser.methods import ACCOUNT, COLLECTION
from auth_service.api.straight import STRAIGHT
from auth_service.domain.errors import NotAllowed, NotFound, NotSignedIn
from auth_service.domain.model import Caller
from auth_service.domain.policy import Policy
from auth_service.domain.registration import SignUp

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_CHANGED = Reply(
    200,
    "The account as it is now. A new address may still wait for its proof, in `pending_email`.",
    wire.Account,
    shows={"pending_email": "bing@example.com"},
)
_OTHERS = (NotFound(), NotFound(certain=True), Only(lambda policy: not policy.hide_users, NotAllowed()))


class Accounts(Controller):
    """Everybody an asker may see, and registration."""

    path = "/auth/users"
    opt = {"allow": COLLECTION}  # noqa: RUF012 - Litestar's form

    @post("/", opt=STRAIGHT)
    @contract(
        Reply(201, "The new account.", wire.Account),
        taken("username"),
        weak("password"),
        TOO_OFTEN,
        by="visitor",
        takes=wire.Registration,
    )
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
        user = await desk.core.registration.register(new, client_of(request), found=form.problems, compatible=True)
        return answers.json(201, account(user))

    @read("/")
    @contract(Reply(200, "The accounts, in the order of their ids.", list[wire.Account]), by="caller")
    async def everybody(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """List the accounts that the caller may see."""
        caller = await desk.caller(request)
        return answers.json(200, [account(user) for user in await desk.core.profiles.visible(caller)])


class Me(Controller):
    """One's own account."""

    path = "/auth/users/me"
    opt = {"allow": ACCOUNT}  # noqa: RUF012 - Litestar's form

    @read("/", opt=STRAIGHT)
    @contract(Reply(200, "The account.", wire.Account), by="caller")
    async def show(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Show the caller's account."""
        return answers.json(200, account((await desk.caller(request)).user))

    @put("/")
    @contract(
        _CHANGED,
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=lambda policy: Takes(_writable(policy)),
    )
    async def replace(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the caller's account; the field that may be changed has to be given."""
        caller = await desk.caller(request)
        return await _change(request, desk, caller, caller.user.id, optional=False)

    @patch("/")
    @contract(
        _CHANGED,
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=lambda policy: Takes(_writable(policy), partial=True),
    )
    async def change(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change what is given of the caller's account."""
        caller = await desk.caller(request)
        return await _change(request, desk, caller, caller.user.id, optional=True)

    @delete("/")
    @contract(
        Reply(204, "The account is gone, and everything issued to it."),
        WRONG_PASSWORD,
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=wire.CurrentPassword,
    )
    async def remove(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Delete the caller's account, on their password."""
        caller = await desk.caller(request)
        return await _delete(request, desk, caller, caller.user.id)


class SomeAccount(Controller):
    """An account by its id: one's own, or as staff anybody's."""

    path = "/auth/users/{user_id:str}"
    opt = {"allow": ACCOUNT}  # noqa: RUF012 - Litestar's form

    @read("/")
    @contract(Reply(200, "The account.", wire.Account), *_OTHERS, by="caller")
    async def show(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Show an account."""
        caller, number = await _asked(request, desk, user_id)
        return answers.json(200, account(await desk.core.profiles.show(caller, number, client_of(request))))

    @put("/")
    @contract(
        _CHANGED,
        *_OTHERS,
        TOO_OFTEN,
        by="caller",
        takes=lambda policy: Takes(_writable(policy)),
    )
    async def replace(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Change an account; the field that may be changed has to be given."""
        caller, number = await _asked(request, desk, user_id)
        return await _change(request, desk, caller, number, optional=False)

    @patch("/")
    @contract(
        _CHANGED,
        *_OTHERS,
        TOO_OFTEN,
        by="caller",
        takes=lambda policy: Takes(_writable(policy), partial=True),
    )
    async def change(self, request: AnyRequest, user_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Change what is given of an account."""
        caller, number = await _asked(request, desk, user_id)
        return await _change(request, desk, caller, number, optional=True)

    @delete("/")
    @contract(
        Reply(204, "The account is gone, and everything issued to it."),
        WRONG_PASSWORD,
        *_OTHERS,
        TOO_OFTEN,
        by="caller",
        takes=wire.CurrentPassword,
    )
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


def _writable(policy: Policy) -> type[Struct]:
    """Return what may be changed of a profile: what people do not sign in with."""
    return wire.ProfileEmail if policy.login_field == "username" else wire.ProfileUsername


async def _change(request: AnyRequest, desk: Desk, caller: Caller, user_id: int, *, optional: bool) -> Answer:
    # Who may not see the account is told so before their body is looked at.
    await desk.core.profiles.show(caller, user_id, client_of(request))
    form = await desk.form(request, _writable(desk.core.policy), optional=optional)
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
    await desk.core.profiles.show(caller, user_id, client_of(request))
    form = await desk.form(request, wire.CurrentPassword)
    await desk.core.profiles.delete(caller, user_id, form["current_password"], client_of(request), found=form.problems)
    return answers.empty()
