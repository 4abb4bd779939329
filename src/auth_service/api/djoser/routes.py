"""The paths of this dialect, as one set of route handlers."""

from litestar import Controller, Router
from litestar.di import Provide
from litestar.enums import HttpMethod

from auth_service.api.answers import refusals
from auth_service.api.djoser.accounts import Accounts, Me, SomeAccount
from auth_service.api.djoser.actions import Activation, Emails, Passwords, Usernames
from auth_service.api.djoser.desk import Desk, Retypes, set_up
from auth_service.api.djoser.errors import answer_to
from auth_service.api.djoser.methods import ACCOUNT, ACTION, COLLECTION, other_methods
from auth_service.api.djoser.tokens import OpaqueTokens, SignedTokens
from auth_service.domain.core import Core


def controllers(login_field: str) -> list[type[Controller]]:
    """Return who answers below `/auth/`; which names are changed there depends on what people sign in with."""
    names = Usernames if login_field == "username" else Emails
    return [Accounts, Me, SomeAccount, Activation, Passwords, names, OpaqueTokens, SignedTokens]


def djoser_routes(core: Core, retypes: Retypes) -> Router:
    """Return every path below `/auth/`."""
    desk = set_up(core, retypes)
    field = desk.login_field
    actions = [
        "/auth/users/activation",
        "/auth/users/resend_activation",
        "/auth/users/set_password",
        "/auth/users/reset_password",
        "/auth/users/reset_password_confirm",
        f"/auth/users/set_{field}",
        f"/auth/users/reset_{field}",
        f"/auth/users/reset_{field}_confirm",
        "/auth/token/login",
        "/auth/token/logout",
    ]
    signed = [f"/auth/jwt/{verb}" for verb in ("create", "refresh", "verify", "blacklist")]

    def provide_desk() -> Desk:
        return desk

    return Router(
        "/",
        route_handlers=[
            other_methods(["/auth/users"], COLLECTION),
            other_methods(["/auth/users/me"], ACCOUNT),
            other_methods(["/auth/users/{user_id:str}"], ACCOUNT, handled=[HttpMethod.POST]),
            other_methods(actions, ACTION),
            other_methods(signed, ACTION, open_to_all=True),
            *controllers(field),
        ],
        dependencies={"desk": Provide(provide_desk, use_cache=True, sync_to_thread=False)},
        exception_handlers=refusals(answer_to),
        tags=["djoser"],
    )
