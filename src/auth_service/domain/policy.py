"""What the operator of this installation chose; the domain reads its choices here and nowhere else."""

from typing import Literal

from msgspec import Struct

DAY = 86_400.0
HOUR = 3_600.0
MINUTE = 60.0


class Policy(Struct, frozen=True, kw_only=True):
    """The choices that change what use cases do. How answers look is not among them."""

    activation: Literal["required", "optional", "off"] = "required"
    login_field: Literal["username", "email"] = "username"
    email_change: Literal["confirm", "immediate"] = "confirm"
    logout_on_password_change: Literal["others", "all", "none"] = "others"  # noqa: S105 - whose sessions end
    hide_users: bool = True
    breached_passwords: Literal["native", "everywhere", "off"] = "native"

    language: str = "en"
    languages: tuple[str, ...] = ("en",)

    send_confirmation_email: bool = False
    password_changed_email: bool = False
    username_changed_email: bool = False
    new_device_email: bool = False
    registration_hides_accounts: bool = False
    password_reset_tells_unknown: bool = False
    username_reset_tells_unknown: bool = False

    activation_timeout: float = 3 * DAY
    reset_timeout: float = HOUR
    access_lifetime: float = 15 * MINUTE
    refresh_lifetime: float = 14 * DAY
    browser_lifetime: float = 14 * DAY
    rotate_refresh: bool = False
    refresh_grace: float = 10.0
    session_lifetime: float = 90 * DAY
    opaque_lifetime: float | None = None
    opaque_idle_lifetime: float | None = None

    frontend_url: str = "http://127.0.0.1:8000"
    activation_url: str = "activate/{uid}/{token}"
    password_reset_url: str = "password-reset/{uid}/{token}"  # noqa: S105 - a path
    username_reset_url: str = "username-reset/{uid}/{token}"

    def refuses_breached(self, *, compatible: bool) -> bool:
        """Are passwords known from thefts refused? Not to `compatible` callers, whose clients expect fewer rules."""
        return self.breached_passwords == "everywhere" or (self.breached_passwords == "native" and not compatible)

    @property
    def confirms_addresses(self) -> bool:
        """Are people asked to prove that an address is theirs?"""
        return self.activation != "off"
