"""The account: a person's own name, address, password and devices, and the way out."""

from contextlib import suppress

from litestar import Controller, post
from litestar.di import NamedDependency

from auth_service.api.answers import Answer, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.pages import forms
from auth_service.api.pages.desk import Desk
from auth_service.domain.errors import NotFound, refuse_if
from auth_service.domain.model import User
from auth_service.languages import LANGUAGES

_NAME, _EMAIL, _PASSWORD, _LANGUAGE, _DEVICES, _DELETE = (
    f"/account/{page}" for page in ("name", "email", "password", "language", "devices", "delete")
)
PAGES = frozenset({"/account", _NAME, _EMAIL, _PASSWORD, _LANGUAGE, _DEVICES, _DELETE})


class Account(Controller):
    """Looking after one's own account."""

    @read("/account")
    async def overview(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Show the account."""
        caller = await desk.caller(request)
        devices = await desk.core.devices.signed_in(caller)
        return desk.show(request, "account.html", caller=caller, devices=len(devices), languages=LANGUAGES)

    @read(_NAME)
    async def ask_name(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask for another name."""
        return desk.show(request, "account_name.html", caller=await desk.caller(request))

    @post(_NAME)
    async def change_name(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the name; where one signs in with it, on the password."""
        caller, client = await desk.caller(request), client_of(request)
        if desk.core.policy.login_field == "username":
            form = await desk.form(request, forms.ChangeUsername, "account_name.html", caller=caller)
            await desk.core.credentials.change_name(
                caller, form["current_password"], form["new_username"], client, found=form.problems
            )
        else:
            form = await desk.form(request, forms.Profile, "account_name.html", caller=caller)
            await desk.core.profiles.change(
                caller, caller.user.id, client, username=form["username"], found=form.problems
            )
        return desk.go("/account", notice="name_changed")

    @read(_EMAIL)
    async def ask_email(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask for another address."""
        return desk.show(request, "account_email.html", caller=await desk.caller(request))

    @post(_EMAIL)
    async def change_email(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the address; where one signs in with it, on the password."""
        caller, client = await desk.caller(request), client_of(request)
        if desk.core.policy.login_field == "email":
            form = await desk.form(request, forms.ChangeEmail, "account_email.html", caller=caller)
            changed = await desk.core.credentials.change_name(
                caller, form["current_password"], form["new_email"], client, found=form.problems
            )
        else:
            form = await desk.form(request, forms.Profile, "account_email.html", caller=caller)
            changed = await desk.core.profiles.change(
                caller, caller.user.id, client, email=form["email"], found=form.problems
            )
        return _after_address(desk, caller.user, changed)

    @post(f"{_EMAIL}/keep")
    async def keep_email(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Take a new address back that is not confirmed yet."""
        await desk.core.profiles.keep_address(await desk.caller(request), client_of(request))
        return desk.go("/account", notice="address_kept")

    @post(f"{_EMAIL}/again")
    async def mail_again(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail the link again that confirms an address, the new one or the present one."""
        caller, client = await desk.caller(request), client_of(request)
        pending = caller.user.pending_email
        if pending is not None:
            await desk.core.profiles.change(caller, caller.user.id, client, email=pending)
        else:
            await desk.core.registration.resend(caller.user.email, client)
        return desk.go("/check-mail/activation", desk.cookies.mailed(pending or caller.user.email))

    @read(_PASSWORD)
    async def ask_password(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask for another password."""
        return desk.show(request, "account_password.html", caller=await desk.caller(request))

    @post(_PASSWORD)
    async def change_password(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the password."""
        caller = await desk.caller(request)
        form = await desk.form(request, forms.ChangePassword, "account_password.html", caller=caller)
        await desk.core.credentials.change_password(
            caller, form["current_password"], form["new_password"], client_of(request), found=form.problems
        )
        stays = await desk.visitor(request) is not None
        return desk.go("/account" if stays else "/sign-in", notice="password_changed" if stays else "password_reset")

    @read(_LANGUAGE)
    async def ask_language(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask what somebody reads."""
        return desk.show(request, "account_language.html", caller=await desk.caller(request), languages=LANGUAGES)

    @post(_LANGUAGE)
    async def change_language(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change what pages and mails are written in."""
        caller = await desk.caller(request)
        form = await desk.form(request, forms.Language, "account_language.html", caller=caller, languages=LANGUAGES)
        refuse_if(form.problems)
        await desk.core.profiles.choose_language(caller, form.given("language"), client_of(request))
        return desk.go("/account", notice="language")

    @read(_DEVICES)
    async def devices(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Show where the account is signed in."""
        caller = await desk.caller(request)
        found = await desk.core.devices.signed_in(caller)
        return desk.show(request, "account_devices.html", caller=caller, devices=found, here=caller.session_id)

    @post(_DEVICES)
    async def end_device(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign one device out; one that is out already is no fault of whoever asks."""
        caller = await desk.caller(request)
        form = await desk.form(request, forms.Device, "error.html", caller=caller)
        refuse_if(form.problems)
        with suppress(NotFound):
            await desk.core.devices.end(caller, form.given("session"), client_of(request))
        if form["session"] == caller.session_id:
            return desk.go("/signed-out", desk.cookies.drop())
        return desk.go(_DEVICES, notice="device_out")

    @post(f"{_DEVICES}/others")
    async def end_others(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign all other devices out."""
        await desk.core.devices.end_others(await desk.caller(request), client_of(request))
        return desk.go(_DEVICES, notice="others_out")

    @read(_DELETE)
    async def ask_leave(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask whether somebody really wants to leave."""
        return desk.show(request, "account_delete.html", caller=await desk.caller(request))

    @post(_DELETE)
    async def leave(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Delete the account, on the password."""
        caller = await desk.caller(request)
        form = await desk.form(request, forms.Leave, "account_delete.html", caller=caller)
        await desk.core.profiles.delete(
            caller, caller.user.id, form["current_password"], client_of(request), found=form.problems
        )
        return desk.go("/", desk.cookies.drop(), notice="deleted")


def _after_address(desk: Desk, before: User, after: User) -> Answer:
    if after.pending_email:
        return desk.go("/account", notice="address_proposed")
    if after.state == "pending":
        return desk.go("/check-mail/activation", desk.cookies.mailed(after.email))
    return desk.go("/account", notice="address_changed" if after.email != before.email else "unchanged")
