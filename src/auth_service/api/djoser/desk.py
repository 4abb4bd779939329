"""The desk: what every handler of this dialect asks for, made once at start."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.exceptions import MethodNotAllowedException
from msgspec import Struct

from auth_service.api.bodies import AnyRequest, read_body
from auth_service.api.caller import read_caller
from auth_service.api.djoser import wire
from auth_service.api.fields import Form, read_fields
from auth_service.domain.core import Core
from auth_service.domain.errors import NotSignedIn
from auth_service.domain.model import Caller, User


class Retypes(Struct, frozen=True, kw_only=True):
    """Which fields people have to type twice; djoser's settings by their names."""

    user_create_password_retype: bool = False
    set_password_retype: bool = False
    password_reset_confirm_retype: bool = False
    set_username_retype: bool = False
    username_reset_confirm_retype: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """The core, and how this dialect is set up."""

    core: Core
    without: Mapping[type[Struct], frozenset[str]]

    @property
    def login_field(self) -> str:
        """The field that holds the name at sign-in."""
        return self.core.policy.login_field

    async def visitor(self, request: AnyRequest) -> Caller | None:
        """Return who is calling, if anybody says so; bad credentials are refused even where none are needed."""
        return await read_caller(request, self.core.tokens)

    async def caller(self, request: AnyRequest) -> Caller:
        """Return who is calling, or refuse."""
        caller = await read_caller(request, self.core.tokens)
        if caller is None:
            raise NotSignedIn
        return caller

    async def form(self, request: AnyRequest, struct: type[Struct], *, optional: bool = False) -> Form:
        """Read the body as the fields of a Struct; `optional` takes what is there."""
        form = read_fields(struct, await read_body(request), without=self.without.get(struct, ()))
        if optional:
            kept = [problem for problem in form.problems if problem.code != "required"]
            return Form(form.values, kept)
        return form

    async def refuse_method(self, request: AnyRequest) -> None:
        """Say that a method is not for this path; who calls with bad credentials is told that first."""
        if "open" not in request.route_handler.opt:
            await self.visitor(request)
        raise MethodNotAllowedException


def set_up(core: Core, retypes: Retypes) -> Desk:
    """Return the desk for a core."""
    return Desk(core, not_asked(retypes))


def not_asked(retypes: Retypes) -> dict[type[Struct], frozenset[str]]:
    """Return the fields that nobody has to type twice here, by the Struct they belong to."""
    asked: dict[type[Struct], bool] = {
        wire.Registration: retypes.user_create_password_retype,
        wire.SetPassword: retypes.set_password_retype,
        wire.ResetPasswordConfirm: retypes.password_reset_confirm_retype,
        wire.SetUsername: retypes.set_username_retype,
        wire.SetEmail: retypes.set_username_retype,
        wire.ResetUsernameConfirm: retypes.username_reset_confirm_retype,
        wire.ResetEmailConfirm: retypes.username_reset_confirm_retype,
    }
    return {struct: _retyped(struct) for struct, asks in asked.items() if not asks}


def account(user: User) -> wire.Account:
    """Return an account as this dialect shows it."""
    return wire.Account(user.id, user.username, user.email, user.pending_email)


def _retyped(struct: type[Struct]) -> frozenset[str]:
    return frozenset(name for name in struct.__struct_fields__ if name.startswith("re_"))
