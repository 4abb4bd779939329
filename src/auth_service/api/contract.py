"""What an operation takes and answers, said once beside its handler: the OpenAPI document is made of it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypeVar

from msgspec import Struct

from auth_service.domain.errors import AlreadyTaken, InvalidInput, NotFound, Problem, TooManyAttempts
from auth_service.domain.policy import Policy

Who = Literal["caller", "visitor", "anybody", "staff"]

TOO_OFTEN = TooManyAttempts(30.0)
WRONG_PASSWORD = InvalidInput([Problem("current_password", "wrong_password")])

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


class Gone(NotFound):
    """The caller's account was deleted while the request was under way."""


class Nothing(Struct, forbid_unknown_fields=True):
    """An object with nothing in it."""


class Takes(Struct, frozen=True):
    """A body: the fields of a Struct, some of them left out; of `any_of` one is needed, and of a `partial` one none.

    `name` tells it from other bodies of the same Struct.
    """

    struct: type[Struct]
    name: str = ""
    without: Collection[str] = ()
    any_of: Collection[str] = ()
    partial: bool = False


class Reply(Struct, frozen=True):
    """One answer, other than a refusal: its status, what it means, and a type that says what it holds.

    `shows` is what an example of it says where the name of a field does not tell.
    """

    status: int
    means: str
    holds: Any = None
    media_type: str = "application/json"
    headers: Collection[str] = ()
    shows: Mapping[str, object] = {}


class Only(Struct, frozen=True):
    """An answer that not every installation gives."""

    where: Callable[[Policy], bool]
    answer: Reply | Exception


Body = type[Struct] | Takes | Callable[[Policy], Takes]


class Operation(Struct, frozen=True, kw_only=True):
    """What only this operation does; what follows from the rest (bad credentials, unreadable bodies) goes unsaid.

    A refusal stands here as an example of itself: its status, headers and words are what its dialect's table makes of
    it. Credentials are needed by a `caller`, looked at if a `visitor` sends them, and ignored from `anybody`; but for
    `staff` nobody finds anything. What it `asks` may stand in the query, or be left out.
    """

    by: Who
    takes: Body | None
    answers: Collection[Reply | Exception | Only]
    refresh_cookie: bool
    asks: type[Struct] | None


_told: dict[Callable[..., Any], Operation] = {}


def contract(
    *answers: Reply | Exception | Only,
    by: Who,
    takes: Body | None = None,
    refresh_cookie: bool = False,
    asks: type[Struct] | None = None,
) -> Callable[[_Handler], _Handler]:
    """Say what the operation of this handler takes and answers."""

    def note(handler: _Handler) -> _Handler:
        _told[handler] = Operation(by=by, takes=takes, answers=answers, refresh_cookie=refresh_cookie, asks=asks)
        return handler

    return note


def operation_of(handler: Callable[..., Any]) -> Operation | None:
    """Return what was said of a handler's operation; nothing is, of one that only refuses."""
    return _told.get(handler)


def taken(field: str) -> AlreadyTaken:
    """Return the refusal of a name or an address that is somebody else's."""
    return AlreadyTaken([Problem(field, "taken")])


def weak(field: str) -> InvalidInput:
    """Return the refusal of a password that is easy to guess."""
    return InvalidInput([Problem(field, "password_short", "8"), Problem(field, "password_common")])
