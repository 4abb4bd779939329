"""Storage of the places where accounts signed in."""

from typing import Protocol

from msgspec import Struct


class Acquaintance(Struct, frozen=True):
    """How an account knows a place: when it last signed in there (0 for never), and whether it knows any place."""

    seen_at: float = 0.0
    knows_any: bool = False


class Familiar(Protocol):
    """Finds familiar places."""

    async def look(self, user_id: int, place: str) -> Acquaintance:
        """Say how an account knows a place, in one look; of an account that is not there, that it knows none."""
        ...


class FamiliarChanges(Protocol):
    """Collects changes of familiar places for a unit of work; see `ports.store`.

    They go with their account, and where nobody signs in any more they are forgotten some day.
    """

    def arrive(self, user_id: int, place: str, at: float, *, seen_at: float) -> None:
        """Date an arrival at a place that was last seen at `seen_at`; 0 makes it familiar.

        Of many places only those seen last are kept, a few dozen. If somebody else has dated it meanwhile, or the
        account is gone, the commit raises `Conflict`.
        """
        ...

    def forget(self, user_id: int) -> None:
        """Forget all places of an account; nothing happens where there is none."""
        ...
