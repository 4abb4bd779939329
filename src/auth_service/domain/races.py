"""Races: when somebody else was faster, look again and decide anew."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from auth_service.domain.errors import Busy, Conflict

_LOOKS = 32
_P = ParamSpec("_P")
_R = TypeVar("_R")


def settles_races(verb: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R]]:
    """Repeat a verb whose commit found that what it had read has changed.

    Of many at once one commit goes through each time; the others look again and see what it did: a link used, a name
    taken, a token rotated. A look costs a read, so there are enough for a crowd that signs in as one person.
    """

    @wraps(verb)
    async def repeated(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        for _ in range(_LOOKS):
            try:
                return await verb(*args, **kwargs)
            except Conflict:
                continue
        raise Busy(1.0)

    return repeated
