"""Counting attempts in memory, or not at all."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from auth_service.domain.errors import TooManyAttempts
from auth_service.domain.ports.surroundings import Clock
from auth_service.domain.ports.throttle import Counter


class _Window(NamedTuple):
    attempts: int
    ends: float
    free_at: float

    def wait(self, counter: Counter, now: float) -> float:
        return max((self.ends if self.attempts >= counter.most else self.free_at) - now, 0.0)


class MemoryThrottle:
    """Counts the attempts of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count one attempt everywhere, or nowhere."""
        await asyncio.sleep(0)
        now = self._clock.now()
        open_now = [(counter, self._window(counter, now)) for counter in counters]
        if wait := max((window.wait(counter, now) for counter, window in open_now), default=0.0):
            raise TooManyAttempts(wait)
        for counter, window in open_now:
            attempts = window.attempts + 1
            self._windows[counter.key] = _Window(attempts, window.ends, now + counter.pause_after(attempts))

    def _window(self, counter: Counter, now: float) -> _Window:
        fresh = _Window(0, now + counter.window, now)
        window = self._windows.get(counter.key, fresh)
        # One that ends later than a fresh one was opened by a clock that has been set back since.
        return window if now < window.ends <= fresh.ends else fresh


class OpenDoor:
    """Lets everybody try as often as they like: the operator's choice, or a test's."""

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count nothing."""
