"""Signing keys: kept where all processes see the same, and made."""

from collections.abc import Sequence
from typing import Protocol

from auth_service.domain.keys import Key, NewKey


class Keys(Protocol):
    """Storage of signing keys, a handful. There is never more than one `current` and one `next`."""

    async def all(self) -> Sequence[Key]:
        """Return all keys there are, in no order."""
        ...

    async def replace(self, before: Sequence[Key], after: Sequence[Key]) -> None:
        """Put `after` in the place of `before`, all of it or nothing.

        Raises `Conflict` where a key that is to change is no longer as in `before`, or another got there first: of many
        that make the first keys at once, one succeeds.
        """
        ...


class KeyMaker(Protocol):
    """Makes signing keys, and seals them."""

    def make(self, algorithm: str) -> NewKey:
        """Return a key that nobody has ever seen, its private half sealed."""
        ...

    def opens(self, key: NewKey) -> bool:
        """Say whether the private half of a key can be had: it was sealed here, or by whoever has the same secret."""
        ...
