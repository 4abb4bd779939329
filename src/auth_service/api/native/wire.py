"""What goes over the wire: the bodies this dialect takes and gives."""

from typing import Annotated

from msgspec import Meta, Struct

from auth_service.api.fields import Email, NewSecret, Secret, Text, Username, Verbatim
from auth_service.domain.directory import MOST, USUAL
from auth_service.domain.model import UserState

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
HowMany = Annotated[int, Meta(ge=1, le=MOST)]
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

    id: Annotated[str, Meta(examples=["9f2c4e6a8b0d1f3a5c7e9b2d4f6a8c0e"])]
    kind: str
    created: When
    last_seen: When
    address: str
    agent: str
    current: bool


class Search(Struct):
    """Whom staff look for: what is left out or empty does not matter."""

    q: Annotated[
        str | None, Meta(description="It stands in the name or in the address, in any case; or is the id.")
    ] = None
    state: Annotated[UserState | None, Meta(description="Whether the account may sign in.")] = None
    staff: Annotated[bool | None, Meta(description="Whether it is one of staff.")] = None
    confirmed: Annotated[bool | None, Meta(description="Whether its address is proven.")] = None
    before: Annotated[Id | None, Meta(description="Where to go on: `next` of the answer before.")] = None
    limit: Annotated[HowMany | None, Meta(description=f"How many at most; {USUAL} where it is left out.")] = None


class Length(Struct):
    """How much of a list is wanted."""

    limit: Annotated[HowMany | None, Meta(description=f"How many at most; {USUAL} where it is left out.")] = None


class Confirmation(Struct):
    """The address or the id of the account that is to be deleted, once more."""

    confirm: Text


class Person(Struct):
    """An account, as staff see it."""

    id: int
    username: str | None
    email: str
    pending_email: str | None
    is_email_confirmed: bool
    state: UserState
    is_staff: bool
    language: str | None
    created: When


class People(Struct):
    """Accounts that were found, and what to send as `before` to see more of them."""

    users: list[Person]
    next: int | None


class Record(Struct):
    """What the journal kept of an outcome."""

    id: int
    at: When
    what: str
    session: str | None
    address: str
    agent: str
    why: str


class Entry(Person):
    """An account with where it is signed in, and the latest that happened to it."""

    sessions: list[Device]
    journal: list[Record]


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
