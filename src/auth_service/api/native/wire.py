"""What goes over the wire: the bodies this dialect takes and gives."""

from typing import Annotated

from msgspec import Meta, Struct

from auth_service.api.fields import Email, NewSecret, Secret, Text, Username, Verbatim

When = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Registration(Struct):
    """A newcomer; a name is not needed."""

    email: Email
    password: NewSecret
    username: Username | None = None
    re_password: Secret | None = None


class MailedLink(Struct):
    """The two halves of a mailed link."""

    uid: Verbatim
    token: Verbatim


class Address(Struct):
    """An address to mail to."""

    email: Email


class SignIn(Struct):
    """A name or an address, whichever is sent, and a password."""

    password: Secret
    identifier: Text | None = None
    username: Text | None = None
    email: Text | None = None


class Refresh(Struct):
    """A refresh token; browsers have it in a cookie."""

    refresh: Text | None = None


class AnyToken(Struct):
    """A token of any kind."""

    token: Text


class Profile(Struct):
    """What may be changed of a profile."""

    username: Username | None = None
    email: Email | None = None


class CurrentPassword(Struct):
    """Proof that it is really you."""

    current_password: Secret


class NewPassword(Struct):
    """A new password, and the one it replaces."""

    current_password: Secret
    new_password: NewSecret


class ResetConfirm(Struct):
    """A new password, by link."""

    uid: Verbatim
    token: Verbatim
    new_password: NewSecret
    re_new_password: Secret | None = None


class Registered(Struct):
    """A new account."""

    message: str
    id: int
    username: str | None
    email: str
    is_email_confirmed: bool


class Activated(Struct):
    """An address that is proven."""

    message: str
    is_email_confirmed: bool


class Status(Struct):
    """Done, whatever there was to do."""

    status: str


class Message(Struct):
    """Done, in a sentence."""

    message: str


class Tokens(Struct):
    """Both tokens."""

    access: str
    refresh: str


class Access(Struct, omit_defaults=True):
    """A new access token, and where tokens rotate the refresh token's successor."""

    access: str
    refresh: str | None = None


class User(Struct, omit_defaults=True):
    """The account of the caller."""

    id: int
    username: str | None
    email: str
    is_email_confirmed: bool
    pending_email: str | None = None


class Who(Struct):
    """The caller, in short."""

    id: int
    username: str | None
    email: str


class Detail(Struct):
    """A greeting for the caller."""

    message: str
    user: Who


class Device(Struct):
    """A device that is signed in."""

    id: str
    kind: str
    created: When
    last_seen: When
    address: str
    agent: str
    current: bool


class FieldProblem(Struct):
    """What is wrong with a field."""

    code: str
    message: str


class Problem(Struct, omit_defaults=True):
    """An error (RFC 9457). `code` is stable: programs go by it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: dict[str, list[FieldProblem]] | None = None
