"""What goes over the wire: the bodies this dialect takes and gives."""

from msgspec import Struct

from auth_service.api.fields import Email, NewSecret, Secret, Text, Username, Verbatim


class Registration(Struct):
    """A newcomer."""

    username: Username
    email: Email
    password: NewSecret
    re_password: Secret


class Address(Struct):
    """An address to mail to."""

    email: Email


class MailedLink(Struct):
    """The two halves of a mailed link."""

    uid: Verbatim
    token: Verbatim


class SetPassword(Struct):
    """A new password, and the one it replaces."""

    new_password: NewSecret
    re_new_password: Secret
    current_password: Secret


class ResetPasswordConfirm(Struct):
    """A new password, by link."""

    uid: Verbatim
    token: Verbatim
    new_password: NewSecret
    re_new_password: Secret


class SetUsername(Struct):
    """A new name to sign in with."""

    current_password: Secret
    new_username: Username
    re_new_username: Text


class SetEmail(Struct):
    """A new address to sign in with."""

    current_password: Secret
    new_email: Email
    re_new_email: Text


class ResetUsernameConfirm(Struct):
    """A new name to sign in with, by link."""

    uid: Verbatim
    token: Verbatim
    new_username: Username
    re_new_username: Text


class ResetEmailConfirm(Struct):
    """A new address to sign in with, by link."""

    uid: Verbatim
    token: Verbatim
    new_email: Email
    re_new_email: Text


class ProfileEmail(Struct):
    """What may be changed of a profile where people sign in by name."""

    email: Email


class ProfileUsername(Struct):
    """What may be changed of a profile where people sign in by address."""

    username: Username


class CurrentPassword(Struct):
    """Proof that it is really you."""

    current_password: Secret


class SignIn(Struct):
    """A name and a password; the name goes by any of three, the documented one first."""

    password: Secret
    username: Text | None = None
    email: Text | None = None
    identifier: Text | None = None


class Refresh(Struct):
    """A refresh token."""

    refresh: Text


class AnyToken(Struct):
    """A token of any kind."""

    token: Text


class Account(Struct, omit_defaults=True):
    """An account, as anybody sees it who may."""

    id: int
    username: str | None
    email: str
    pending_email: str | None = None


class AuthToken(Struct):
    """An opaque token."""

    auth_token: str


class Access(Struct):
    """A new access token; the refresh token stays."""

    access: str


class Pair(Struct):
    """Both tokens."""

    refresh: str
    access: str


class Detail(Struct, omit_defaults=True):
    """An error that is about no field."""

    detail: str
    code: str | None = None
    messages: list[dict[str, str]] | None = None
