"""Counting attempts, so that those who guess or flood are slowed down."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

# A pause doubles no more often than that, and never outgrows this part of the window.
MOST_DOUBLINGS = 20
LONGEST_PAUSE = 0.25


class Counter(Struct, frozen=True):
    """Of what `key` names there may be `most` attempts in a window of so many seconds, which the first one opens.

    Where there is a `pause`, only the first `free` of them may follow at once: then comes a pause of so many seconds,
    and after each further attempt one that is twice as long as the last, up to a quarter of the window.
    """

    key: str
    most: int
    window: float
    free: int = 0
    pause: float = 0.0

    @property
    def longest_pause(self) -> float:
        """The pause that no number of attempts exceeds."""
        return self.window * LONGEST_PAUSE

    def pause_after(self, attempts: int) -> float:
        """Return for how long nobody may try again after so many attempts."""
        if attempts < self.free:
            return 0.0
        return min(self.pause * 2.0 ** min(attempts - self.free, MOST_DOUBLINGS), self.longest_pause)


class Throttle(Protocol):
    """Counts attempts before anything is done for them, over all processes and by the clock of the store."""

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count one attempt with every counter, or raise `TooManyAttempts` where one of them is full, or in a pause.

        All are counted or none: an attempt that is refused counts nowhere, so whoever goes on trying neither prolongs
        the wait nor fills the counters that others depend on. However many ask at once, no more than `most` pass.
        Raises `Busy` where the counts cannot be had: nobody may guess uncounted.
        """
        ...
