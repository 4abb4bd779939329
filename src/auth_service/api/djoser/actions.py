"""What people do with an account: activate it, and change or reset its password and its name."""

from litestar import Controller, post
from litestar.di import NamedDependency

from auth_service.api import answers
from auth_service.api.answers import Answer
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.contract import TOO_OFTEN, WRONG_PASSWORD, Gone, Only, Reply, contract, taken, weak
from auth_service.api.djoser import wire
from auth_service.api.djoser.desk import Desk, account
from auth_service.api.djoser.methods import ACTION
from auth_service.api.fields import Form
from auth_service.domain.errors import ActivationOff, LinkRejected, LinkSpent, UnknownAddress, refuse_if
from auth_service.domain.model import User
from auth_service.domain.policy import Policy


def _needs_proof(policy: Policy) -> bool:
    return policy.confirms_addresses and policy.email_change == "confirm"


_LINK = (LinkRejected("uid"), LinkRejected("token"))
_TELLS_UNKNOWN = Only(lambda policy: policy.username_reset_tells_unknown, UnknownAddress())
_NEW_ADDRESS = (
    Only(lambda policy: not _needs_proof(policy), Reply(204, "The address is changed.")),
    Only(
        _needs_proof,
        Reply(
            200,
            "The new address waits in `pending_email` until it is proven.",
            wire.Account,
            shows={"pending_email": "bing@example.com"},
        ),
    ),
)


class Activation(Controller):
    """Proving an address."""

    path = "/auth/users"
    opt = {"allow": ACTION}  # noqa: RUF012 - Litestar's form

    @post("/activation")
    @contract(Reply(204, "The address is proven."), *_LINK, LinkSpent(), by="visitor", takes=wire.MailedLink)
    async def activate(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Prove an address by the link mailed to it."""
        await desk.visitor(request)
        form = _complete(await desk.form(request, wire.MailedLink))
        await desk.core.registration.activate(form.given("uid"), form.given("token"), client_of(request))
        return answers.empty()

    @post("/resend_activation")
    @contract(
        Only(
            lambda policy: policy.confirms_addresses,
            Reply(204, "A link is on its way, if there is anybody to activate."),
        ),
        Only(lambda policy: not policy.confirms_addresses, ActivationOff()),
        Only(lambda policy: policy.confirms_addresses, TOO_OFTEN),
        by="visitor",
        takes=wire.Address,
    )
    async def resend(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail the activation link again, if there is anybody to activate."""
        await desk.visitor(request)
        form = await desk.form(request, wire.Address)
        await desk.core.registration.resend(form["email"], client_of(request), found=form.problems)
        return answers.empty()


class Passwords(Controller):
    """Changing and resetting passwords."""

    path = "/auth/users"
    opt = {"allow": ACTION}  # noqa: RUF012 - Litestar's form

    @post("/set_password")
    @contract(
        Reply(204, "The password is changed."),
        WRONG_PASSWORD,
        weak("new_password"),
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=wire.SetPassword,
    )
    async def change(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the caller's password."""
        caller = await desk.caller(request)
        form = await desk.form(request, wire.SetPassword)
        await desk.core.credentials.change_password(
            caller,
            form["current_password"],
            form["new_password"],
            client_of(request),
            retyped=form["re_new_password"],
            found=form.problems,
            compatible=True,
        )
        return answers.empty()

    @post("/reset_password")
    @contract(
        Reply(204, "A link is on its way, if anybody active has this address."),
        Only(lambda policy: policy.password_reset_tells_unknown, UnknownAddress()),
        TOO_OFTEN,
        by="visitor",
        takes=wire.Address,
    )
    async def request_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail a link to choose a new password."""
        await desk.visitor(request)
        form = await desk.form(request, wire.Address)
        await desk.core.credentials.request_reset(
            "password_reset", form["email"], client_of(request), found=form.problems
        )
        return answers.empty()

    @post("/reset_password_confirm")
    @contract(
        Reply(204, "The password is changed, and every session of its owner has ended."),
        weak("new_password"),
        *_LINK,
        by="visitor",
        takes=wire.ResetPasswordConfirm,
    )
    async def confirm_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Choose a new password by link."""
        await desk.visitor(request)
        form = _complete(await desk.form(request, wire.ResetPasswordConfirm))
        await desk.core.credentials.confirm_password_reset(
            form.given("uid"),
            form.given("token"),
            form.given("new_password"),
            client_of(request),
            retyped=form["re_new_password"],
            compatible=True,
        )
        return answers.empty()


class _Names(Controller):
    """Changing and resetting the name one signs in with."""

    path = "/auth/users"
    opt = {"allow": ACTION}  # noqa: RUF012 - Litestar's form


async def _change_name(request: AnyRequest, desk: Desk, struct: type[wire.SetUsername | wire.SetEmail]) -> Answer:
    caller = await desk.caller(request)
    form = await desk.form(request, struct)
    field = desk.login_field
    user = await desk.core.credentials.change_name(
        caller,
        form["current_password"],
        form[f"new_{field}"],
        client_of(request),
        retyped=form[f"re_new_{field}"],
        found=form.problems,
    )
    return _renamed(user, field)


async def _request_name_reset(request: AnyRequest, desk: Desk) -> Answer:
    await desk.visitor(request)
    form = await desk.form(request, wire.Address)
    await desk.core.credentials.request_reset("username_reset", form["email"], client_of(request), found=form.problems)
    return answers.empty()


async def _confirm_name_reset(
    request: AnyRequest, desk: Desk, struct: type[wire.ResetUsernameConfirm | wire.ResetEmailConfirm]
) -> Answer:
    await desk.visitor(request)
    form = await desk.form(request, struct)
    field = desk.login_field
    user = await desk.core.credentials.confirm_name_reset(
        form.given("uid"),
        form.given("token"),
        form[f"new_{field}"],
        client_of(request),
        retyped=form[f"re_new_{field}"],
        found=form.problems,
    )
    return _renamed(user, field)


class Usernames(_Names):
    """Where people sign in by name."""

    @post("/set_username")
    @contract(
        Reply(204, "The name is changed."),
        WRONG_PASSWORD,
        taken("new_username"),
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=wire.SetUsername,
    )
    async def change(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the caller's username."""
        return await _change_name(request, desk, wire.SetUsername)

    @post("/reset_username")
    @contract(
        Reply(204, "A link is on its way, if anybody active has this address."),
        _TELLS_UNKNOWN,
        TOO_OFTEN,
        by="visitor",
        takes=wire.Address,
    )
    async def request_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail a link to choose a new username."""
        return await _request_name_reset(request, desk)

    @post("/reset_username_confirm")
    @contract(
        Reply(204, "The name is changed."),
        taken("new_username"),
        *_LINK,
        TOO_OFTEN,
        by="visitor",
        takes=wire.ResetUsernameConfirm,
    )
    async def confirm_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Choose a new username by link."""
        return await _confirm_name_reset(request, desk, wire.ResetUsernameConfirm)


class Emails(_Names):
    """Where people sign in by address."""

    @post("/set_email")
    @contract(*_NEW_ADDRESS, WRONG_PASSWORD, taken("new_email"), Gone(), TOO_OFTEN, by="caller", takes=wire.SetEmail)
    async def change(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the address the caller signs in with."""
        return await _change_name(request, desk, wire.SetEmail)

    @post("/reset_email")
    @contract(
        Reply(204, "A link is on its way, if anybody active has this address."),
        _TELLS_UNKNOWN,
        TOO_OFTEN,
        by="visitor",
        takes=wire.Address,
    )
    async def request_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail a link to choose a new address."""
        return await _request_name_reset(request, desk)

    @post("/reset_email_confirm")
    @contract(*_NEW_ADDRESS, taken("new_email"), *_LINK, TOO_OFTEN, by="visitor", takes=wire.ResetEmailConfirm)
    async def confirm_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Choose a new address by link."""
        return await _confirm_name_reset(request, desk, wire.ResetEmailConfirm)


def _renamed(user: User, field: str) -> Answer:
    """Say nothing more, unless it is an address and still to be proven."""
    pends = field == "email" and user.pending_email is not None
    return answers.json(200, account(user)) if pends else answers.empty()


def _complete(form: Form) -> Form:
    """Return the form if nothing is wrong with it: what follows needs all of it."""
    refuse_if(form.problems)
    return form
