"""Counting attempts, so that those who guess or flood are slowed down."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Counter(Struct, frozen=True):
    """Of what `key` names there may be `most` attempts in a window of so many seconds, which the first one opens."""

    key: str
    most: int
    window: float


class Throttle(Protocol):
    """Counts attempts before anything is done for them, over all processes and by the clock of the store."""

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count one attempt with every counter, or raise `TooManyAttempts` where one of them is full.

        All are counted or none: an attempt that is refused counts nowhere, so whoever goes on trying neither prolongs
        the wait nor fills the counters that others depend on. However many ask at once, no more than `most` pass.
        """
        ...
