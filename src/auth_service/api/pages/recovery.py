"""Recovery: getting back in by mail, where a password or a name is lost."""

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from auth_service.api.answers import Answer, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.pages import forms
from auth_service.api.pages.desk import Desk
from auth_service.domain.errors import refuse_if

_ANEW_PASSWORD = {"anew": "/forgot-password"}
_ANEW_NAME = {"anew": "/forgot-name"}


class Recovery(Controller):
    """Getting back in. A link that is opened does nothing; the form behind it does."""

    @read("/forgot-password")
    async def ask_password(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask for the address of an account."""
        return desk.show(request, "forgot_password.html")

    @post("/forgot-password")
    async def forgot_password(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail a link to a new password."""
        form = await desk.form(request, forms.Address, "forgot_password.html")
        await desk.core.credentials.request_reset(
            "password_reset", form["email"], client_of(request), found=form.problems
        )
        return desk.go("/check-mail/password", desk.cookies.mailed(form.given("email")))

    @read("/forgot-name")
    async def ask_name(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask for the address of an account."""
        return desk.show(request, "forgot_name.html")

    @post("/forgot-name")
    async def forgot_name(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail a link to a new name."""
        form = await desk.form(request, forms.Address, "forgot_name.html")
        await desk.core.credentials.request_reset(
            "username_reset", form["email"], client_of(request), found=form.problems
        )
        return desk.go("/check-mail/name", desk.cookies.mailed(form.given("email")))

    @read("/password-reset/{uid:str}/{token:str}", opt=_ANEW_PASSWORD)
    async def look_at_password(
        self, request: AnyRequest, uid: FromPath[str], token: FromPath[str], desk: NamedDependency[Desk]
    ) -> Answer:
        """Ask for a new password."""
        await desk.core.credentials.check_link("password_reset", uid, token)
        return desk.show(request, "new_password.html")

    @post("/password-reset/{uid:str}/{token:str}", opt=_ANEW_PASSWORD)
    async def choose_password(
        self, request: AnyRequest, uid: FromPath[str], token: FromPath[str], desk: NamedDependency[Desk]
    ) -> Answer:
        """Choose a new password."""
        form = await desk.form(request, forms.NewPassword, "new_password.html")
        # A link that is dead is told before what was typed is judged.
        await desk.core.credentials.check_link("password_reset", uid, token)
        refuse_if(form.problems)
        new = form.given("new_password")
        await desk.core.credentials.confirm_password_reset(uid, token, new, client_of(request))
        return desk.go("/sign-in", notice="password_reset")

    @read("/username-reset/{uid:str}/{token:str}", opt=_ANEW_NAME)
    async def look_at_name(
        self, request: AnyRequest, uid: FromPath[str], token: FromPath[str], desk: NamedDependency[Desk]
    ) -> Answer:
        """Ask for a new name."""
        await desk.core.credentials.check_link("username_reset", uid, token)
        return desk.show(request, "new_name.html")

    @post("/username-reset/{uid:str}/{token:str}", opt=_ANEW_NAME)
    async def choose_name(
        self, request: AnyRequest, uid: FromPath[str], token: FromPath[str], desk: NamedDependency[Desk]
    ) -> Answer:
        """Choose a new name, or a new address where that is the name."""
        by_email = desk.core.policy.login_field == "email"
        form = await desk.form(request, forms.NewEmail if by_email else forms.NewUsername, "new_name.html")
        await desk.core.credentials.check_link("username_reset", uid, token)
        new = form["new_email" if by_email else "new_username"]
        changed = await desk.core.credentials.confirm_name_reset(
            uid, token, new, client_of(request), found=form.problems
        )
        if changed.pending_email:
            return desk.go("/check-mail/activation", desk.cookies.mailed(changed.pending_email))
        return desk.go("/sign-in", notice="address_changed" if by_email else "name_changed")
