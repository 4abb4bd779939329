"""Accounts: registering, confirming an address, and looking after one's own account."""

from contextlib import suppress

from litestar import Controller, patch, post, put
from litestar.di import NamedDependency

from auth_service.api import answers
from auth_service.api.answers import Answer, delete, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.contract import TOO_OFTEN, WRONG_PASSWORD, Gone, Only, Reply, contract, taken, weak
from auth_service.api.native import wire
from auth_service.api.native.desk import Desk, user
from auth_service.api.straight import STRAIGHT
from auth_service.domain.errors import ActivationOff, LinkRejected, LinkSpent
from auth_service.domain.registration import SignUp

_CHANGED = Reply(
    200,
    "The account as it is now. A new address may still wait for its proof, in `pending_email`.",
    wire.User,
    shows={"pending_email": "bing@example.com"},
)


class Registration(Controller):
    """Letting people in."""

    path = "/api"

    @post(["/register", "/auth/register"], opt=STRAIGHT)
    @contract(
        Reply(
            201,
            "The new account.",
            wire.Registered,
            shows={"message": "User registered successfully", "is_email_confirmed": False},
        ),
        Only(lambda policy: not policy.registration_hides_accounts, taken("email")),
        Only(lambda policy: policy.registration_hides_accounts, taken("username")),
        weak("password"),
        TOO_OFTEN,
        by="anybody",
        takes=wire.Registration,
    )
    async def register(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Register a newcomer."""
        form = await desk.form(request, wire.Registration)
        new = SignUp(
            username=form["username"],
            email=form["email"],
            password=form["password"],
            retyped=form["re_password"],
        )
        made = await desk.core.registration.register(new, client_of(request), found=form.problems)
        registered = wire.Registered(
            "User registered successfully", made.id, made.username, made.email, made.email_confirmed
        )
        return answers.json(201, registered)

    @post("/activate")
    @contract(
        Reply(200, "The address is proven.", wire.Activated, shows={"message": "Email confirmed"}),
        LinkRejected("uid"),
        LinkRejected("token"),
        by="anybody",
        takes=wire.MailedLink,
    )
    async def activate(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Prove an address by the link mailed to it; the same link again says so again."""
        form = await desk.complete(request, wire.MailedLink)
        with suppress(LinkSpent):
            await desk.core.registration.activate(form.given("uid"), form.given("token"), client_of(request))
        return answers.json(200, wire.Activated("Email confirmed", is_email_confirmed=True))

    @post("/activate/resend")
    @contract(
        Reply(200, "The same for every address.", wire.Status),
        Only(lambda policy: policy.confirms_addresses, TOO_OFTEN),
        by="anybody",
        takes=wire.Address,
    )
    async def resend(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail the activation link again, if there is anybody to activate."""
        form = await desk.complete(request, wire.Address)
        with suppress(ActivationOff):
            await desk.core.registration.resend(form.given("email"), client_of(request))
        return answers.json(200, wire.Status("ok"))


class OwnAccount(Controller):
    """The account of whoever is calling."""

    path = "/api"

    @read("/user", opt=STRAIGHT)
    @contract(Reply(200, "The account.", wire.User), by="caller")
    async def show(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Show the caller's account."""
        return answers.json(200, user((await desk.caller(request)).user))

    @put("/user")
    @contract(
        _CHANGED,
        taken("email"),
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=wire.Profile,
    )
    async def replace(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change what is given of the caller's account, and leave the rest, as `PATCH` does."""
        return await _change(request, desk)

    @patch("/user")
    @contract(
        _CHANGED,
        taken("email"),
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=wire.Profile,
    )
    async def change(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change what is given of the caller's account."""
        return await _change(request, desk)

    @delete("/user")
    @contract(
        Reply(204, "The account is gone, and everything issued to it.", headers=("Set-Cookie",)),
        WRONG_PASSWORD,
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=wire.CurrentPassword,
    )
    async def remove(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Delete the caller's account, on their password."""
        caller = await desk.caller(request)
        form = await desk.form(request, wire.CurrentPassword)
        await desk.core.profiles.delete(
            caller, caller.user.id, form["current_password"], client_of(request), found=form.problems
        )
        return answers.empty(204, desk.cookies.clear(request))

    @read("/detail")
    @contract(Reply(200, "A greeting.", wire.Detail, shows={"message": "Welcome to Page"}), by="caller")
    async def greet(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Greet the caller by name."""
        me = (await desk.caller(request)).user
        return answers.json(200, wire.Detail("Welcome to Page", wire.Who(me.id, me.username, me.email)))

    @delete("/delete_account")
    @contract(
        Reply(
            200,
            "The account is gone, and everything issued to it.",
            wire.Message,
            headers=("Set-Cookie",),
            shows={"message": "Account deleted successfully"},
        ),
        Gone(),
        by="caller",
    )
    async def leave(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Delete the caller's account, on the strength of the sign-in."""
        await desk.core.profiles.leave(await desk.caller(request), client_of(request))
        return answers.json(200, wire.Message("Account deleted successfully"), desk.cookies.clear(request))


async def _change(request: AnyRequest, desk: Desk) -> Answer:
    caller = await desk.caller(request)
    form = await desk.form(request, wire.Profile)
    changed = await desk.core.profiles.change(
        caller,
        caller.user.id,
        client_of(request),
        username=form["username"],
        email=form["email"],
        found=form.problems,
    )
    return answers.json(200, user(changed))
